/*
 * virtio-console and a driver that talks nonsense, or comes and goes.
 */
#include <check.h>
#include <pthread.h>
#include <string.h>

#include "devices/virtio_console.h"
#include "tests/unit/console_guest.h"
#include "tests/unit/port_owner.h"
#include "vmm/base/bits.h"

static struct console_guest g;
static struct port_owner owner[2];
static struct console_port *port[2];

static void setup(void)
{
	guest_init(&g);
	port_owner_pair(&g.console, owner, port);
}

static void teardown(void)
{
	guest_destroy(&g);
}

static void *run_loop(void *opaque)
{
	loop_run(opaque);
	return NULL;
}

/* A driver that comes and goes on its vCPU while the loop serves the ports. */
START_TEST(reset_while_the_loop_runs)
{
	const struct virtio_console_control msg = {
		.id = 0, .event = VIRTIO_CONSOLE_PORT_OPEN, .value = 1};
	char *control = guest_ptr(&g.driver.mem, DRIVER_RAM_LEN - sizeof(msg),
				  sizeof(msg));
	struct ring *tx = &g.ring[GUEST_CONTROL_TX];
	pthread_t thread;

	memcpy(control, &msg, sizeof(msg));
	owner[0].quiet = true;
	ck_assert_int_eq(pthread_create(&thread, NULL, run_loop, &g.loop), 0);
	for (unsigned int i = 0; i < 300; i++) {
		guest_start(&g);
		guest_fill(&g, GUEST_CONTROL_RX, GUEST_RING_SIZE);
		guest_fill(&g, guest_rx(0), GUEST_RING_SIZE);
		ring_desc(tx, 0,
			  (struct vring_desc){.addr = DRIVER_RAM_LEN -
						      sizeof(msg),
					      .len = sizeof(msg)});
		ring_offer(tx, 0);
		driver_kick(&g.driver, GUEST_CONTROL_TX);
		for (unsigned int n = 0; n < i % GUEST_RING_SIZE; n++)
			guest_write(&g, 0, "data", 4);
		if (i % 2)
			ck_assert(ring_wait_used(tx, 1));
	}
	loop_stop(&g.loop);
	pthread_join(thread, NULL);
	guest_run(&g);
	ck_assert_int_ge(owner[0].opened_cnt, 150);
	ck_assert(port[0]->told_open);
}
END_TEST

START_TEST(hostile_messages)
{
	static const uint32_t ids[] = {0, 1, 2, 3, 4, 0x7fffffff, UINT32_MAX};
	char bytes[64] = {0};

	guest_start(&g);
	guest_fill(&g, GUEST_CONTROL_RX, GUEST_RING_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
		for (unsigned int event = 0; event < 300; event++) {
			ck_assert(guest_send(&g, ids[i], (uint16_t)event, 1));
			ck_assert(guest_send(&g, ids[i], (uint16_t)event, 0));
		}
		ck_assert(guest_send(&g, ids[i], UINT16_MAX, UINT16_MAX));
	}
	for (uint32_t len = 0; len < sizeof(bytes); len++)
		ck_assert(guest_send_bytes(&g, bytes, len));
	ck_assert_uint_le(guest_hear_all(&g), 100);
	ck_assert(!guest_needs_reset(&g));
	ck_assert_str_eq(owner[0].log, "open close ");
}
END_TEST

/* The device must not write to what was meant for reading. */
START_TEST(hostile_control_buffer_that_is_read_only)
{
	guest_start(&g);
	ring_desc(&g.ring[GUEST_CONTROL_RX], 0,
		  (struct vring_desc){.addr = GUEST_QUEUES * RING_STRIDE,
				      .len = 64});
	ring_offer(&g.ring[GUEST_CONTROL_RX], 0);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	guest_run(&g);
	ck_assert(guest_needs_reset(&g));
	guest_connect(&g, 0);
	ck_assert(!guest_needs_reset(&g));
}
END_TEST

START_TEST(hostile_buffers_of_no_bytes)
{
	struct ring *rx = &g.ring[guest_rx(0)];
	struct ring *tx = &g.ring[guest_tx(0)];

	owner[0].input = "x";
	owner[0].input_left = 1;
	guest_start(&g);
	for (uint16_t i = 0; i < GUEST_RING_SIZE; i++) {
		ring_desc(rx, i,
			  (struct vring_desc){.flags = VRING_DESC_F_WRITE});
		ring_offer(rx, i);
		ring_desc(tx, i, (struct vring_desc){0});
		ring_offer(tx, i);
	}
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert_uint_eq(ring_used(rx), GUEST_RING_SIZE);
	ck_assert_uint_eq(ring_used(tx), GUEST_RING_SIZE);
	ck_assert_uint_eq(owner[0].input_left, 1);
	ck_assert_str_eq(owner[0].log, "open ");
}
END_TEST

/* Queues of ports that were not declared are there, but nobody looks. */
START_TEST(hostile_queues_of_no_port)
{
	guest_connect(&g, 0);
	for (unsigned int id = 2; id < VIRTIO_CONSOLE_MAX_PORTS; id++) {
		ck_assert_uint_eq(guest_write(&g, id, "?", 1), 1);
		guest_fill(&g, guest_rx(id), 1);
		driver_kick(&g.driver, guest_rx(id));
		driver_kick(&g.driver, guest_tx(id));
	}
	driver_kick(&g.driver, GUEST_QUEUES);
	driver_kick(&g.driver, UINT32_MAX);
	guest_run(&g);
	ck_assert(!guest_needs_reset(&g));
	guest_write_text(&g, 0, "still here");
	ck_assert_str_eq(owner[0].log, "open data ");
}
END_TEST

START_TEST(hostile_ring)
{
	guest_connect(&g, 0);
	owner[0].output_most = 0;
	guest_write_text(&g, 0, "held");
	ring_desc(&g.ring[guest_tx(1)], 0,
		  (struct vring_desc){.addr = UINT64_MAX, .len = UINT32_MAX});
	ring_offer(&g.ring[guest_tx(1)], 0);
	driver_kick(&g.driver, guest_tx(1));
	guest_send(&g, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	guest_run(&g);
	ck_assert(guest_needs_reset(&g));
	/* Nobody is served, and nobody falls over it. */
	owner[0].output_most = SIZE_MAX;
	ck_assert(!console_port_resume_output(port[0]));
	ck_assert(!console_port_resume_input(port[0]));
	console_port_close(port[0]);
	guest_run(&g);
	ck_assert_uint_eq(owner[0].taken_len, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("virtio_console_hostile");
	TCase *tc = tcase_create("virtio_console_hostile");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reset_while_the_loop_runs);
	tcase_add_test(tc, hostile_messages);
	tcase_add_test(tc, hostile_control_buffer_that_is_read_only);
	tcase_add_test(tc, hostile_buffers_of_no_bytes);
	tcase_add_test(tc, hostile_queues_of_no_port);
	tcase_add_test(tc, hostile_ring);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
