/*
 * virtio-console: the exchange of messages, the two ends of a port, patience
 * on both sides, and a driver that talks nonsense.
 */
#include "devices/virtio_console.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/console_guest.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* The owner of a port: what it was told, in order, as text. */
struct owner {
	char log[1024];
	char taken[65536];
	size_t taken_len;
	size_t output_most; /* at most so much at once; 0: not now */
	int output_err;
	const char *input;
	size_t input_left;
	bool input_ends;
};

static struct console_guest g;
static struct owner owner[2];
static struct console_port *port[2];

static void note(struct owner *o, const char *word)
{
	ck_assert_uint_lt(strlen(o->log) + strlen(word) + 1, sizeof(o->log));
	strcat(strcat(o->log, word), " ");
}

static ssize_t take(void *opaque, struct iov_cursor *data)
{
	struct owner *o = opaque;
	size_t len = MIN(data->left, o->output_most);

	ck_assert_uint_gt(data->left, 0);
	if (o->output_err)
		return o->output_err;
	if (!len) {
		note(o, "later");
		return 0;
	}
	ck_assert_uint_le(o->taken_len + len, sizeof(o->taken));
	ck_assert(iov_take(data, o->taken + o->taken_len, len));
	o->taken_len += len;
	note(o, "data");
	return (ssize_t)len;
}

static ssize_t give(void *opaque, struct iov_cursor *room)
{
	struct owner *o = opaque;
	size_t len = MIN(room->left, o->input_left);

	ck_assert_uint_gt(room->left, 0);
	if (!o->input_left)
		return o->input_ends ? 0 : -EAGAIN;
	ck_assert(iov_put(room, o->input, len));
	o->input += len;
	o->input_left -= len;
	return (ssize_t)len;
}

static void opened(void *opaque, bool open)
{
	note(opaque, open ? "open" : "close");
}

static const struct console_port_ops ops = {take, give, opened};
static const struct console_port_ops no_ops;

static void setup(void)
{
	static const char *const names[] = {"first", "second"};

	memset(owner, 0, sizeof(owner));
	guest_init(&g);
	for (unsigned int i = 0; i < 2; i++) {
		owner[i].output_most = SIZE_MAX;
		ck_assert_int_eq(virtio_console_add_port(&g.console, names[i],
							 &ops, &owner[i],
							 &port[i]),
				 0);
	}
}

static void teardown(void)
{
	guest_destroy(&g);
}

/* Is the next message this one? */
static void expect(uint32_t id, uint16_t event, uint16_t value,
		   const char *name)
{
	struct guest_message msg;

	ck_assert(guest_hear(&g, &msg));
	ck_assert_uint_eq(msg.control.id, id);
	ck_assert_uint_eq(msg.control.event, event);
	ck_assert_uint_eq(msg.control.value, value);
	ck_assert_str_eq(msg.name, name);
}

static void expect_silence(void)
{
	struct guest_message msg;

	ck_assert(!guest_hear(&g, &msg));
}

static bool needs_reset(void)
{
	return driver_read(&g.driver, VIRTIO_MMIO_STATUS) &
	       VIRTIO_CONFIG_S_NEEDS_RESET;
}

static void write_text(unsigned int id, const char *text)
{
	ck_assert_uint_eq(guest_write(&g, id, text, strlen(text)),
			  strlen(text));
	guest_run(&g);
}

START_TEST(says_what_it_is)
{
	driver_begin(&g.driver, BIT(VIRTIO_CONSOLE_F_MULTIPORT));
	ck_assert_uint_eq(driver_read(&g.driver, VIRTIO_MMIO_DEVICE_ID), 3);
	ck_assert_uint_eq(
		driver_read(&g.driver,
			    VIRTIO_MMIO_CONFIG +
				    offsetof(struct virtio_console_config,
					     max_nr_ports)),
		2);
}
END_TEST

START_TEST(ports_are_bounded)
{
	struct console_port *p;

	for (unsigned int i = 2; i < VIRTIO_CONSOLE_MAX_PORTS; i++)
		ck_assert_int_eq(virtio_console_add_port(&g.console, "more",
							 &no_ops, NULL, &p),
				 0);
	ck_assert_int_eq(
		virtio_console_add_port(&g.console, "", &no_ops, NULL, &p),
		-ENOSPC);
}
END_TEST

START_TEST(introduction)
{
	guest_start(&g);
	guest_fill(&g, GUEST_CONTROL_RX, GUEST_RING_SIZE);
	expect_silence();
	guest_send(&g, VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
	expect(0, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	expect(1, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	expect_silence();
	guest_send(&g, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	expect(1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	expect(1, VIRTIO_CONSOLE_PORT_NAME, 1, "second");
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect(0, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	expect(0, VIRTIO_CONSOLE_PORT_NAME, 1, "first");
	expect_silence();
	ck_assert_str_eq(owner[0].log, "");
	ck_assert_str_eq(owner[1].log, "");
}
END_TEST

START_TEST(failures_of_the_driver_are_no_greeting)
{
	guest_start(&g);
	guest_fill(&g, GUEST_CONTROL_RX, GUEST_RING_SIZE);
	guest_send(&g, VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 0);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_READY, 0);
	expect_silence();
}
END_TEST

/* One buffer at a time: nothing is lost, and nothing is sent twice. */
START_TEST(messages_wait_for_buffers)
{
	guest_start(&g);
	guest_send(&g, VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
	for (unsigned int i = 0; i < 100; i++) {
		guest_send(&g, 0, VIRTIO_CONSOLE_PORT_READY, 1);
		guest_send(&g, 1, VIRTIO_CONSOLE_PORT_READY, 1);
	}
	guest_fill(&g, GUEST_CONTROL_RX, 1);
	expect(0, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	expect(0, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	expect(0, VIRTIO_CONSOLE_PORT_NAME, 1, "first");
	expect(1, VIRTIO_CONSOLE_PORT_ADD, 1, "");
	expect(1, VIRTIO_CONSOLE_PORT_OPEN, 1, "");
	expect(1, VIRTIO_CONSOLE_PORT_NAME, 1, "second");
	expect_silence();
}
END_TEST

START_TEST(output)
{
	guest_connect(&g, 1);
	write_text(1, "hello, ");
	write_text(1, "world");
	ck_assert_uint_eq(guest_unwritten(&g, 1), 0);
	ck_assert_uint_eq(owner[1].taken_len, 12);
	ck_assert_mem_eq(owner[1].taken, "hello, world", 12);
	ck_assert_str_eq(owner[1].log, "open data data ");
	ck_assert_str_eq(owner[0].log, "");
}
END_TEST

START_TEST(output_waits_for_an_owner_that_is_busy)
{
	guest_connect(&g, 0);
	owner[0].output_most = 0;
	write_text(0, "abc");
	write_text(0, "def");
	ck_assert_str_eq(owner[0].log, "open later ");
	ck_assert_uint_eq(guest_unwritten(&g, 0), 2);
	owner[0].output_most = 2;
	ck_assert(!console_port_resume_output(port[0]));
	ck_assert_uint_eq(guest_unwritten(&g, 0), 0);
	ck_assert_mem_eq(owner[0].taken, "abcdef", 6);
	ck_assert_str_eq(owner[0].log, "open later data data data data ");
}
END_TEST

START_TEST(close_comes_behind_the_data)
{
	guest_connect(&g, 0);
	owner[0].output_most = 0;
	write_text(0, "last ");
	write_text(0, "words");
	/* The driver waits for this message: it must not wait for the owner. */
	ck_assert(guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 0));
	ck_assert_str_eq(owner[0].log, "open later ");
	owner[0].output_most = SIZE_MAX;
	console_port_resume_output(port[0]);
	ck_assert_str_eq(owner[0].log, "open later data data close ");
	ck_assert_mem_eq(owner[0].taken, "last words", 10);
	ck_assert(guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1));
	write_text(0, "again");
	ck_assert_str_eq(owner[0].log, "open later data data close open data ");
}
END_TEST

/* Data and close are both there before the loop looks, in either order. */
START_TEST(close_overtakes_no_data)
{
	struct virtio_console_control msg = {.id = 0,
					     .event = VIRTIO_CONSOLE_PORT_OPEN};

	guest_connect(&g, 0);
	ck_assert_uint_eq(guest_write(&g, 0, "data", 4), 4);
	ck_assert(guest_send_bytes(&g, &msg, sizeof(msg)));
	ck_assert_str_eq(owner[0].log, "open data close ");
}
END_TEST

START_TEST(reopening_in_time_is_no_close)
{
	guest_connect(&g, 0);
	owner[0].output_most = 0;
	write_text(0, "one");
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	write_text(0, "two");
	owner[0].output_most = SIZE_MAX;
	console_port_resume_output(port[0]);
	ck_assert_str_eq(owner[0].log, "open later data data ");
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert_str_eq(owner[0].log, "open later data data close ");
}
END_TEST

START_TEST(close_before_open)
{
	guest_start(&g);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	write_text(0, "unheard");
	ck_assert_str_eq(owner[0].log, "");
	ck_assert_uint_eq(guest_unwritten(&g, 0), 1);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert_str_eq(owner[0].log, "open data ");
}
END_TEST

START_TEST(owner_that_is_gone_closes_the_port)
{
	guest_connect(&g, 0);
	owner[0].output_err = -EPIPE;
	write_text(0, "who listens?");
	expect(0, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	expect_silence();
	for (unsigned int i = 0; i < 3 * GUEST_RING_SIZE; i++)
		write_text(0, "nobody");
	ck_assert_uint_eq(guest_unwritten(&g, 0), 0);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	ck_assert_str_eq(owner[0].log, "open close ");
	expect_silence();
}
END_TEST

/* What waits for a busy owner is thrown away when that closes the port. */
START_TEST(closing_frees_what_waits)
{
	guest_connect(&g, 0);
	owner[0].output_most = 0;
	write_text(0, "abc");
	write_text(0, "def");
	console_port_close(port[0]);
	console_port_close(port[0]);
	guest_run(&g);
	ck_assert_uint_eq(guest_unwritten(&g, 0), 0);
	expect(0, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	expect_silence();
}
END_TEST

START_TEST(closed_before_the_driver_comes)
{
	console_port_close(port[0]);
	guest_start(&g);
	guest_fill(&g, GUEST_CONTROL_RX, GUEST_RING_SIZE);
	expect_silence();
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect(0, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	expect(0, VIRTIO_CONSOLE_PORT_NAME, 1, "first");
}
END_TEST

START_TEST(input_and_its_end)
{
	char buf[16] = {0};

	owner[0].input = "typed";
	owner[0].input_left = 5;
	owner[0].input_ends = true;
	/* A driver throws away what comes before its port is opened. */
	guest_start(&g);
	guest_fill(&g, GUEST_CONTROL_RX, GUEST_RING_SIZE);
	guest_fill(&g, guest_rx(0), GUEST_RING_SIZE);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	guest_hear_all(&g);
	ck_assert(!console_port_resume_input(port[0]));
	ck_assert_uint_eq(guest_read(&g, 0, buf, sizeof(buf)), 0);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert_uint_eq(guest_read(&g, 0, buf, sizeof(buf)), 5);
	ck_assert_str_eq(buf, "typed");
	expect(0, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	ck_assert_uint_eq(guest_read(&g, 0, buf, sizeof(buf)), 0);
	expect_silence();
}
END_TEST

START_TEST(input_waits_for_its_owner)
{
	char buf[16] = {0};

	guest_connect(&g, 0);
	owner[0].input = "late";
	owner[0].input_left = 4;
	guest_run(&g);
	ck_assert_uint_eq(guest_read(&g, 0, buf, sizeof(buf)), 0);
	ck_assert(!console_port_resume_input(port[0]));
	ck_assert_uint_eq(guest_read(&g, 0, buf, sizeof(buf)), 4);
	ck_assert_str_eq(buf, "late");
}
END_TEST

START_TEST(input_waits_for_buffers)
{
	static char many[GUEST_BUF_LEN + 1];
	char buf[GUEST_BUF_LEN];

	guest_start(&g);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	owner[0].input = many;
	owner[0].input_left = sizeof(many);
	console_port_resume_input(port[0]);
	ck_assert_uint_eq(owner[0].input_left, sizeof(many));
	guest_fill(&g, guest_rx(0), 1);
	guest_run(&g);
	ck_assert_uint_eq(guest_read(&g, 0, buf, sizeof(buf)), sizeof(buf));
	guest_run(&g);
	ck_assert_uint_eq(guest_read(&g, 0, buf, sizeof(buf)), 1);
}
END_TEST

/* A guest that closed the port is given nothing until it opens it again. */
START_TEST(closed_port_gets_no_input)
{
	char buf[16] = {0};

	guest_connect(&g, 0);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	owner[0].input = "secret";
	owner[0].input_left = 6;
	console_port_resume_input(port[0]);
	ck_assert_uint_eq(owner[0].input_left, 6);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	ck_assert_uint_eq(guest_read(&g, 0, buf, sizeof(buf)), 6);
}
END_TEST

START_TEST(flood_lets_others_have_a_turn)
{
	struct console_port *p = port[0];
	unsigned int rounds = 1;

	/* One byte at a time: more steps than a batch has. */
	guest_connect(&g, 0);
	owner[0].output_most = 0;
	for (unsigned int i = 0; i < GUEST_RING_SIZE; i++)
		ck_assert_uint_eq(guest_write(&g, 0, "0123456789abcdef", 16),
				  16);
	guest_run(&g);
	memset(owner[0].log, 0, sizeof(owner[0].log));
	owner[0].output_most = 1;
	while (console_port_resume_output(p)) {
		ck_assert_uint_le(strlen(owner[0].log),
				  strlen("data ") * VIRTIO_MAX_BATCH);
		memset(owner[0].log, 0, sizeof(owner[0].log));
		rounds++;
	}
	ck_assert_uint_eq(rounds, 3);
	ck_assert_uint_eq(owner[0].taken_len, GUEST_RING_SIZE * 16);
}
END_TEST

START_TEST(reset_and_a_new_driver)
{
	guest_connect(&g, 0);
	owner[0].output_most = 0;
	write_text(0, "lost with the rings");
	owner[0].output_most = SIZE_MAX;
	guest_connect(&g, 0);
	ck_assert_str_eq(owner[0].log, "open later close open ");
	write_text(0, "new life");
	console_port_resume_output(port[0]);
	ck_assert_str_eq(owner[0].log, "open later close open data ");
	ck_assert_mem_eq(owner[0].taken, "new life", 8);
	/* The host's side does not come back to life. */
	console_port_close(port[0]);
	guest_connect(&g, 0);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_READY, 1);
	expect(0, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
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
	ck_assert(!needs_reset());
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
	ck_assert(needs_reset());
	guest_connect(&g, 0);
	ck_assert(!needs_reset());
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
	ck_assert(!needs_reset());
	write_text(0, "still here");
	ck_assert_str_eq(owner[0].log, "open data ");
}
END_TEST

START_TEST(hostile_ring)
{
	guest_connect(&g, 0);
	owner[0].output_most = 0;
	write_text(0, "held");
	ring_desc(&g.ring[guest_tx(1)], 0,
		  (struct vring_desc){.addr = UINT64_MAX, .len = UINT32_MAX});
	ring_offer(&g.ring[guest_tx(1)], 0);
	driver_kick(&g.driver, guest_tx(1));
	guest_send(&g, 1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	guest_run(&g);
	ck_assert(needs_reset());
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
	Suite *suite = suite_create("virtio_console");
	TCase *tc = tcase_create("virtio_console");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, says_what_it_is);
	tcase_add_test(tc, ports_are_bounded);
	tcase_add_test(tc, introduction);
	tcase_add_test(tc, failures_of_the_driver_are_no_greeting);
	tcase_add_test(tc, messages_wait_for_buffers);
	tcase_add_test(tc, output);
	tcase_add_test(tc, output_waits_for_an_owner_that_is_busy);
	tcase_add_test(tc, close_comes_behind_the_data);
	tcase_add_loop_test(tc, close_overtakes_no_data, 0, 2);
	tcase_add_test(tc, reopening_in_time_is_no_close);
	tcase_add_test(tc, close_before_open);
	tcase_add_test(tc, owner_that_is_gone_closes_the_port);
	tcase_add_test(tc, closing_frees_what_waits);
	tcase_add_test(tc, closed_before_the_driver_comes);
	tcase_add_test(tc, input_and_its_end);
	tcase_add_test(tc, input_waits_for_its_owner);
	tcase_add_test(tc, input_waits_for_buffers);
	tcase_add_test(tc, closed_port_gets_no_input);
	tcase_add_test(tc, flood_lets_others_have_a_turn);
	tcase_add_test(tc, reset_and_a_new_driver);
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
