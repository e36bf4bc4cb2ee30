/*
 * virtio-console: the exchange of messages, the two ends of a port, patience on
 * both sides.
 */
#include "devices/virtio_console.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "tests/unit/console_guest.h"
#include "tests/unit/port_owner.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

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
							 &port_owner_ops, NULL,
							 &p),
				 0);
	ck_assert_int_eq(virtio_console_add_port(&g.console, "",
						 &port_owner_ops, NULL, &p),
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
	guest_write_text(&g, 1, "hello, ");
	guest_write_text(&g, 1, "world");
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
	guest_write_text(&g, 0, "abc");
	guest_write_text(&g, 0, "def");
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
	guest_write_text(&g, 0, "last ");
	guest_write_text(&g, 0, "words");
	/* The driver waits for this message: it must not wait for the owner. */
	ck_assert(guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 0));
	ck_assert_str_eq(owner[0].log, "open later ");
	owner[0].output_most = SIZE_MAX;
	console_port_resume_output(port[0]);
	ck_assert_str_eq(owner[0].log, "open later data data close ");
	ck_assert_mem_eq(owner[0].taken, "last words", 10);
	ck_assert(guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1));
	guest_write_text(&g, 0, "again");
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
	guest_write_text(&g, 0, "one");
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 0);
	guest_send(&g, 0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	guest_write_text(&g, 0, "two");
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
	guest_write_text(&g, 0, "unheard");
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
	guest_write_text(&g, 0, "who listens?");
	expect(0, VIRTIO_CONSOLE_PORT_OPEN, 0, "");
	expect_silence();
	for (unsigned int i = 0; i < 3 * GUEST_RING_SIZE; i++)
		guest_write_text(&g, 0, "nobody");
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
	guest_write_text(&g, 0, "abc");
	guest_write_text(&g, 0, "def");
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
	guest_write_text(&g, 0, "lost with the rings");
	owner[0].output_most = SIZE_MAX;
	guest_connect(&g, 0);
	ck_assert_str_eq(owner[0].log, "open later close open ");
	guest_write_text(&g, 0, "new life");
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
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
