/*
 * The parts of the guest's pid 1, one by one.
 */
#include <check.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot/guest/interp.h"
#include "boot/guest/plan.h"
#include "boot/guest/ports.h"
#include "boot/guest/relay.h"
#include "boot/guest/report.h"
#include "boot/guest/volumes.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

static void pair(int fd[2])
{
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
}

static int interp_of(const void *bytes, size_t len, char interp[INTERP_LEN])
{
	char path[] = "/tmp/test_guest_parts.XXXXXX";
	int fd = mkstemp(path);
	int err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_full(fd, bytes, len), 0);
	close(fd);
	err = interp_read(path, interp);
	unlink(path);
	return err;
}

static const struct {
	const char *bytes;
	size_t len;
	int err;
} texts[] = {
	{"#!", 2, 0},
	{"#", 1, 0},
	{"", 0, 0},
	{"\177EL", 3, 0},
	{"echo \377\n\0", 8, 0},
	{"\177ELF", 4, -ENOEXEC},
	{"\177ELF\1\1\n", 7, -ENOEXEC},
	{"MZ\220\0\n", 5, -ENOEXEC},
	{"echo\0", 5, -ENOEXEC},
};

START_TEST(scripts_that_name_none)
{
	char interp[INTERP_LEN] = "";

	ck_assert_int_eq(interp_of(texts[_i].bytes, texts[_i].len, interp),
			 texts[_i].err);
	ck_assert_str_eq(interp, texts[_i].err ? "" : "/bin/sh");
}
END_TEST

START_TEST(interpreters)
{
	struct {
		Elf64_Ehdr ehdr;
		Elf64_Phdr phdr[2];
		char name[8];
	} elf = {
		.ehdr = {.e_phoff = sizeof(Elf64_Ehdr), .e_phnum = 2},
		.phdr = {{.p_type = PT_LOAD},
			 {.p_type = PT_INTERP,
			  .p_offset =
				  sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr),
			  .p_filesz = 8}},
		.name = "/lib/ld",
	};
	char interp[INTERP_LEN];

	memcpy(elf.ehdr.e_ident, ELFMAG "\2", SELFMAG + 1);
	ck_assert_int_eq(interp_of("#!/bin/x", 8, interp), 0);
	ck_assert_str_eq(interp, "/bin/x");
	ck_assert_int_eq(interp_of(&elf, sizeof(elf), interp), 0);
	ck_assert_str_eq(interp, "/lib/ld");
	elf.phdr[1].p_filesz = UINT64_MAX;
	ck_assert_int_eq(interp_of(&elf, sizeof(elf), interp), 0);
	elf.phdr[1].p_offset = UINT64_MAX;
	ck_assert_int_eq(interp_of(&elf, sizeof(elf), interp), -ENOEXEC);
	elf.phdr[1].p_offset = 1 << 20;
	ck_assert_int_eq(interp_of(&elf, sizeof(elf), interp), -ENOEXEC);
	elf.ehdr.e_phoff = UINT64_MAX - sizeof(Elf64_Phdr);
	ck_assert_int_eq(interp_of(&elf, sizeof(elf), interp), -ENOEXEC);
	ck_assert_int_eq(interp_of(&elf, 20, interp), -ENOEXEC);
	ck_assert_int_eq(interp_read("/no/file", interp), -ENOENT);
}
END_TEST

/* A source that has hung up is not polled while its bytes wait. */
START_TEST(full_relay_ignores_its_source)
{
	struct relay *relay = malloc(sizeof(*relay));
	struct pollfd p[RELAY_NUM_ENDS];
	int source[2], sink[2];

	ck_assert_int_eq(pipe2(source, O_NONBLOCK), 0);
	pair(sink);
	relay_init(relay, source[0], sink[0]);
	ck_assert_int_eq(write(source[1], "abc", 3), 3);
	close(source[1]);
	ck_assert(!relay_is_drained(relay));
	relay->len = 1;
	relay->buf[0] = 'x';
	relay_wait_for(relay, p);
	ck_assert_int_eq(p[RELAY_SOURCE].fd, -1);
	ck_assert_int_eq(p[RELAY_SINK].events, POLLOUT);
	ck_assert_int_eq(poll(p, RELAY_NUM_ENDS, 0), 1);
	relay_move(relay, p);
	ck_assert_uint_eq(relay->len, 0);
	relay_wait_for(relay, p);
	ck_assert_int_eq(p[RELAY_SINK].events, 0);
	ck_assert_int_eq(poll(p, RELAY_NUM_ENDS, 0), 1);
	relay_move(relay, p);
	ck_assert(relay_is_drained(relay));
	ck_assert_int_eq(poll(p, RELAY_NUM_ENDS, 0), 1);
	relay_move(relay, p);
	ck_assert_int_eq(relay->source_fd, -1);
	ck_assert_int_eq(relay->sink_fd, -1);
	ck_assert(relay_is_drained(relay));
	close(sink[1]);
	free(relay);
}
END_TEST

/* A monitor that went away does not keep init from ending. */
START_TEST(nobody_to_report_to)
{
	struct guest_msg msg = {.type = GUEST_MSG_ENDED};
	int fd[2];

	signal(SIGPIPE, SIG_IGN);
	pair(fd);
	while (!report_send(fd[0], &msg) && msg.value < 4)
		msg.value++;
	close(fd[1]);
	ck_assert_int_eq(report_send(fd[0], &msg), -EPIPE);
	close(fd[0]);
}
END_TEST

START_TEST(no_ports)
{
	struct guest_msg why;
	struct ports ports;

	ports_init(&ports);
	ck_assert_int_eq(ports_open(&ports, 3, &why), -ENODEV);
	ck_assert_str_eq(why.text, "port 'wherry.control' did not appear");
}
END_TEST

static int prepare(struct volumes *v, char *text, struct guest_msg *why)
{
	char *list[] = {text, NULL};
	struct plan plan = {.list[GUEST_SPEC_VOLUME] = list};

	return volumes_prepare(v, &plan, why);
}

START_TEST(volumes_are_read)
{
	static const char *const wrong[] = {
		"", "t", "t rw dir -", "t rw dir - ", "t rw dir - a", "t rw /a",
	};
	struct volumes v = {.cnt = 7};
	struct guest_msg why = {0};
	char text[32] = "t ro dir dax=inode /a b";

	ck_assert_int_eq(prepare(&v, text, &why), 0);
	ck_assert_uint_eq(v.cnt, 1);
	ck_assert_str_eq(v.volume[0].tag, "t");
	ck_assert_uint_eq(v.volume[0].flags, MS_RDONLY);
	ck_assert_str_eq(v.volume[0].options, "dax=inode");
	ck_assert_str_eq(v.volume[0].path, "/a b");
	ck_assert(!v.volume[0].is_file);
	ck_assert_int_eq(prepare(&v, strcpy(text, "t rw dir - /a"), &why), 0);
	ck_assert_uint_eq(v.volume[0].flags, 0);
	ck_assert_ptr_null(v.volume[0].options);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		strcpy(text, wrong[i]);
		ck_assert_int_eq(prepare(&v, text, &why), -EINVAL);
		ck_assert_ptr_nonnull(strstr(why.text, "volume"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest_parts");
	TCase *tcase = tcase_create("guest_parts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, interpreters);
	tcase_add_loop_test(tcase, scripts_that_name_none, 0,
			    ARRAY_SIZE(texts));
	tcase_add_test(tcase, volumes_are_read);
	tcase_add_test(tcase, full_relay_ignores_its_source);
	tcase_add_test(tcase, nobody_to_report_to);
	tcase_add_test(tcase, no_ports);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
