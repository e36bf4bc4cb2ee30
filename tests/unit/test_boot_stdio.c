/*
 * Standard input as a keyboard: every byte once, in order, however slow the
 * guest reads.
 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/serial.h"
#include "vmm/base/bus.h"
#include "vmm/base/fd.h"
#include "vmm/base/layout.h"
#include "vmm/boot_stdio.h"

static struct bus bus;
static struct serial serial;
static struct loop loop;
static struct boot_stdio io;

static void nowhere(void *opaque, const char *data, size_t len)
{
	(void)opaque;
	(void)data;
	(void)len;
}

static void end_turn(struct loop_source *source, uint32_t events)
{
	(void)events;
	fd_event_clear(source->fd);
	loop_stop(&loop);
}

static struct loop_source last = {.ready = end_turn};

static void setup(void)
{
	const struct serial_output out = {nowhere, NULL};

	bus = (struct bus){0};
	ck_assert_int_eq(serial_init(&serial, &bus, &out), 0);
	ck_assert_int_eq(loop_init(&loop), 0);
	last.fd = fd_event();
	ck_assert_int_eq(loop_add(&loop, &last, EPOLLIN), 0);
}

static void teardown(void)
{
	serial_destroy(&serial);
	loop_destroy(&loop);
	fd_close(&last.fd);
}

/* Let the loop handle what is ready now, then end it. */
static void turn(void)
{
	fd_event_signal(last.fd);
	ck_assert_int_eq(loop_run(&loop), 0);
}

/* The guest polls its line status and takes what is there. */
static size_t guest_reads(char *to, size_t len)
{
	size_t n = 0;
	uint8_t status, byte;

	while (n < len) {
		bus_read(&bus, BUS_PIO, LAYOUT_PORT_SERIAL + 5, &status, 1);
		if (!(status & 1))
			break;
		bus_read(&bus, BUS_PIO, LAYOUT_PORT_SERIAL, &byte, 1);
		to[n++] = (char)byte;
	}
	return n;
}

/* All of @len bytes arrive, as they were. */
static void arrives(const char *text, size_t len)
{
	char *got = calloc(1, len);
	size_t n = 0;

	for (unsigned int i = 0; n < len && i < 10 * len; i++) {
		turn();
		n += guest_reads(got + n, len - n);
	}
	ck_assert_uint_eq(n, len);
	ck_assert_mem_eq(got, text, len);
	free(got);
}

static void fill(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text[i] = (char)(i * 7 + i / 256);
}

START_TEST(bytes_of_a_pipe_arrive)
{
	char text[3000];
	int ends[2];

	fill(text, sizeof(text));
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], text, sizeof(text)), sizeof(text));
	ck_assert_int_eq(boot_stdio_init(&io, &loop, &serial, ends[0]), 0);
	arrives(text, sizeof(text));
	/* What comes later arrives as well, and the end disturbs nobody. */
	ck_assert_int_eq(write(ends[1], "more", 4), 4);
	close(ends[1]);
	arrives("more", 4);
	turn();
	ck_assert_uint_eq(guest_reads(text, 1), 0);
	close(ends[0]);
}
END_TEST

START_TEST(bytes_of_a_file_arrive)
{
	char name[] = "/tmp/wherry-stdio-XXXXXX";
	char text[3000];
	int fd = mkstemp(name);

	fill(text, sizeof(text));
	unlink(name);
	ck_assert_int_eq(write(fd, text, sizeof(text)), sizeof(text));
	lseek(fd, 0, SEEK_SET);
	ck_assert_int_eq(boot_stdio_init(&io, &loop, &serial, fd), 0);
	arrives(text, sizeof(text));
	close(fd);
}
END_TEST

START_TEST(no_input_is_fine)
{
	char byte;
	int fd = open("/dev/null", O_RDONLY);

	ck_assert_int_eq(boot_stdio_init(&io, &loop, &serial, fd), 0);
	turn();
	ck_assert_uint_eq(guest_reads(&byte, 1), 0);
	close(fd);
}
END_TEST

START_TEST(a_closed_descriptor_is_fine)
{
	ck_assert_int_eq(boot_stdio_init(&io, &loop, &serial, 1000), 0);
	turn();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("boot_stdio");
	TCase *tcase = tcase_create("boot_stdio");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, bytes_of_a_pipe_arrive);
	tcase_add_test(tcase, bytes_of_a_file_arrive);
	tcase_add_test(tcase, no_input_is_fine);
	tcase_add_test(tcase, a_closed_descriptor_is_fine);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
