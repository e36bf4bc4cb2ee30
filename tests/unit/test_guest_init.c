/*
 * The guest's pid 1, without a guest: streams, orphans, statuses, failures.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/init_rig.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

static const struct {
	const char *script;
	unsigned int status;
} statuses[] = {
	{"exit 0", 0},
	{"exit 1", 1},
	{"exit 42", 42},
	{"exit 255", 255},
	{"kill -KILL $$", 137},
	{"kill -TERM $$", 143},
	{"kill -PIPE $$", 141},
	{"exec no-such-command", 127},
	/* It leads a session, and SIGCHLD is not blocked. */
	{"[ $(cut -d' ' -f6 /proc/$$/stat) = $$ ]", 0},
	{"exec grep -q 'SigBlk:.0*$' /proc/self/status", 0},
};

START_TEST(exit_status)
{
	struct host h = {.keep_stdin = false};

	init_rig_shell(&h, statuses[_i].script);
	ck_assert_uint_eq(h.last.value, statuses[_i].status);
}
END_TEST

START_TEST(environment)
{
	char *const argv[] = {(char[]){"sh"},
			      (char[]){"-c"},
			      (char[]){"echo $GREETING; pwd; echo $0 $1 >&2"},
			      (char[]){"zero"},
			      (char[]){"a b"},
			      NULL};
	struct host h = {.keep_stdin = true};

	init_rig_run(&h, argv, "/usr");
	ck_assert_uint_eq(h.last.value, 0);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "hello\n/usr\n");
	ck_assert_str_eq(h.kept[GUEST_PORT_STDERR], "zero a b\n");
}
END_TEST

START_TEST(cat_is_exact)
{
	struct host h = {.in_len = MIB(8)};

	init_rig_shell(&h, "exec cat");
	ck_assert_uint_eq(h.last.value, 0);
	ck_assert_uint_eq(h.len[GUEST_PORT_STDOUT], MIB(8));
	ck_assert(h.is_pattern[GUEST_PORT_STDOUT]);
	ck_assert_uint_eq(h.len[GUEST_PORT_STDERR], 0);
}
END_TEST

/* All three are full when the reader wakes up. */
START_TEST(three_streams_at_once)
{
	struct host h = {.in_len = MIB(2), .deaf_ms = 100};

	init_rig_shell(&h, "exec tee /dev/stderr");
	ck_assert_uint_eq(h.last.value, 0);
	ck_assert_uint_eq(h.len[GUEST_PORT_STDOUT], MIB(2));
	ck_assert_uint_eq(h.len[GUEST_PORT_STDERR], MIB(2));
	ck_assert(h.is_pattern[GUEST_PORT_STDOUT]);
	ck_assert(h.is_pattern[GUEST_PORT_STDERR]);
}
END_TEST

/* What is still in the pipe when the command ends is delivered. */
START_TEST(output_outlives_command)
{
	struct host h = {.deaf_ms = 100, .keep_stdin = true};

	init_rig_shell(&h, "head -c 120000 /dev/zero; exit 9");
	ck_assert_uint_eq(h.last.value, 9);
	ck_assert_uint_eq(h.len[GUEST_PORT_STDOUT], 120000);
}
END_TEST

START_TEST(reader_goes_away)
{
	struct host h = {.close_at = 10000};

	init_rig_shell(&h, "exec yes");
	ck_assert_uint_eq(h.last.value, 128 + SIGPIPE);
}
END_TEST

/* Nobody reads stdin any more: the sender is told, and the command lives. */
START_TEST(command_closes_stdin)
{
	struct host h = {.in_len = MIB(8)};

	init_rig_shell(&h, "exec <&-; sleep 0.2; echo bye");
	ck_assert_uint_eq(h.last.value, 0);
	ck_assert_uint_lt(h.in_done, MIB(8));
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "bye\n");
}
END_TEST

/* ... also while there is nothing to send. */
START_TEST(command_closes_idle_stdin)
{
	struct host h = {.keep_stdin = true};

	init_rig_shell(&h, "exec <&-; exec >&-; exec sleep 0.2");
	ck_assert_uint_eq(h.last.value, 0);
}
END_TEST

START_TEST(end_of_stdin)
{
	struct host h = {.in_len = 0};

	init_rig_shell(&h, "cat; echo eof");
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "eof\n");
}
END_TEST

static const struct {
	const char *script;
	unsigned int status;
	const char *out;
} orphans[] = {
	{"sleep 100 & exit 3", 3, ""},
	{"(trap '' TERM; sleep 50; sleep 50) & exit 4", 4, ""},
	{"(trap 'echo last words; exit' TERM; while :; do sleep 0.01; done) &"
	 "sleep 0.2; exit 5",
	 5, "last words\n"},
	{"(sleep 0.1; exit 9) & (sleep 0.2) & exec sleep 0.5", 0, ""},
	{"yes >&2 & sleep 0.1; exit 6", 6, ""},
};

START_TEST(orphans_end_with_command)
{
	struct host h = {.keep_stdin = true};
	struct timespec start, end;

	clock_gettime(CLOCK_MONOTONIC, &start);
	init_rig_shell(&h, orphans[_i].script);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert_uint_eq(h.last.value, orphans[_i].status);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], orphans[_i].out);
	ck_assert_int_lt(end.tv_sec - start.tv_sec, 4);
}
END_TEST

/* Files for the next tests, in the test's own directory */
static const struct {
	const char *name;
	mode_t mode;
	const char *content;
} files[] = {
	{"plain", 0644, "echo"},
	{"foreign", 0755, "\177ELF\2\1\1"},
	{"bare", 0755, "echo $0 $#: \"$@\"; exit 3"},
	{"script", 0755, "#! /no/interpreter -x\n"},
	{"shebang", 0755, "#!\n"},
};

static void make_files(char *dir)
{
	char path[64];
	unsigned int i;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, files[i].mode);
		ck_assert_int_ge(fd, 0);
		fd_write_full(fd, files[i].content, strlen(files[i].content));
		close(fd);
	}
}

static void remove_files(const char *dir)
{
	char path[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		unlink(path);
	}
	rmdir(dir);
}

static const struct {
	const char *command;
	const char *workdir; /* NULL: the directory with the files */
	unsigned int value;
	const char *text;
} failures[] = {
	{"foo", "/", 127, "command 'foo': not found in the guest's PATH"},
	{"", "/", 127, "command '': not found in the guest's PATH"},
	{"/no/foo", "/", 127, "command '/no/foo': No such file or directory"},
	{"/etc", "/", 126, "command '/etc': Is a directory"},
	{"./plain", NULL, 126, "command './plain': Permission denied"},
	{"./foreign", NULL, 126, "command './foreign': Exec format error"},
	{"./script", NULL, 127,
	 "command './script': its interpreter '/no/interpreter' is not in the "
	 "guest"},
	{"./plain/x", NULL, 126, "command './plain/x': Not a directory"},
	{"true", "/no/dir", 125,
	 "workdir '/no/dir': No such file or directory"},
	{"true", "/etc/passwd", 125, "workdir '/etc/passwd': Not a directory"},
};

START_TEST(cannot_start)
{
	char dir[] = "/tmp/test_guest_init.XXXXXX";
	char *command = strdup(failures[_i].command);
	char *const argv[] = {command, NULL};
	struct host h = {.keep_stdin = true};

	make_files(dir);
	init_rig_run(&h, argv,
		     failures[_i].workdir ? failures[_i].workdir : dir);
	remove_files(dir);
	ck_assert_uint_eq(h.last.type, GUEST_MSG_FAILED);
	ck_assert_str_eq(h.last.text, failures[_i].text);
	ck_assert_uint_eq(h.last.value, failures[_i].value);
	free(command);
}
END_TEST

/* Not before the command has run for a second, and once. What the kernel says
 * of it does not matter: /etc/passwd is no module.
 */
START_TEST(module_is_loaded_later)
{
	struct host h = {.later = "/etc/passwd", .keep_stdin = true};

	init_rig_shell(&h, "look() { ls -l /proc/$PPID/fd | grep -c passwd; }\n"
			   "look; sleep 0.3; look; sleep 1.2; look; exit 7");
	ck_assert_uint_eq(h.last.value, 7);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "1\n1\n0\n");
}
END_TEST

/* A script that names no interpreter. */
START_TEST(bare_script)
{
	char dir[] = "/tmp/test_guest_init.XXXXXX";
	char *const argv[] = {(char[]){"./bare"}, (char[]){"a b"}, (char[]){""},
			      (char[]){"c"}, NULL};
	struct host h = {.keep_stdin = true};

	make_files(dir);
	init_rig_run(&h, argv, dir);
	remove_files(dir);
	ck_assert_str_eq(h.last.text, "");
	ck_assert_uint_eq(h.last.value, 3);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "./bare 3: a b  c\n");
}
END_TEST

/* A name as long as it gets does not push out the reason, nor the NUL. */
START_TEST(long_name)
{
	char name[5001];
	char *const argv[] = {name, NULL};
	struct host h = {.keep_stdin = true};

	memset(name, 'x', sizeof(name) - 1);
	name[5000] = '\0';
	init_rig_run(&h, argv, "/");
	ck_assert_uint_eq(h.last.value, 126);
	ck_assert_int_eq(h.last.text[GUEST_MSG_TEXT_LEN - 1], 0);
	ck_assert_ptr_nonnull(strstr(h.last.text, "File name too long"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest_init");
	TCase *tcase = tcase_create("guest_init");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, exit_status, 0, ARRAY_SIZE(statuses));
	tcase_add_test(tcase, environment);
	tcase_add_test(tcase, cat_is_exact);
	tcase_add_test(tcase, three_streams_at_once);
	tcase_add_test(tcase, output_outlives_command);
	tcase_add_test(tcase, reader_goes_away);
	tcase_add_test(tcase, command_closes_stdin);
	tcase_add_test(tcase, command_closes_idle_stdin);
	tcase_add_test(tcase, end_of_stdin);
	tcase_add_loop_test(tcase, orphans_end_with_command, 0,
			    ARRAY_SIZE(orphans));
	tcase_add_loop_test(tcase, cannot_start, 0, ARRAY_SIZE(failures));
	tcase_add_test(tcase, module_is_loaded_later);
	tcase_add_test(tcase, bare_script);
	tcase_add_test(tcase, long_name);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
