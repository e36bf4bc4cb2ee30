/*
 * The guest's pid 1, without a guest: it supervises real commands in a child
 * process, with socket pairs in place of the ports.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "boot/bytes.h"
#include "boot/guest/command.h"
#include "boot/guest/plan.h"
#include "boot/guest/ports.h"
#include "boot/guest/report.h"
#include "boot/guest/supervise.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* Small enough that every stream is full most of the time. */
enum { SOCKET_BUF_LEN = 4096, KEPT_LEN = 256 };

/**
 * struct host - The monitor's part in a test, and what it saw
 * @fd:		Our ends of the ports
 * @in_len:	Bytes of the pattern to send to stdin, then end of file
 * @keep_stdin:	No end of file after them
 * @close_at:	Close stdout after so many bytes; 0: never
 * @deaf_ms:	Read no stdout and stderr for so long at first
 * @in_done:	Bytes sent
 * @len:	Bytes received, per stream
 * @kept:	The first of them
 * @is_pattern:	All were the pattern's
 * @last:	The last message
 */
struct host {
	int fd[GUEST_NUM_PORTS];
	size_t in_len;
	bool keep_stdin;
	size_t close_at;
	int deaf_ms;
	size_t in_done;
	size_t len[GUEST_NUM_PORTS];
	char kept[GUEST_NUM_PORTS][KEPT_LEN];
	bool is_pattern[GUEST_NUM_PORTS];
	struct guest_msg last;
};

static char pattern(size_t i)
{
	return (char)((uint32_t)(i * 2654435761U) >> 24);
}

static void make_plan(struct plan *plan, char *const *argv, const char *workdir)
{
	char *const envp[] = {
		(char[]){"PATH=/nonexistent:/bin:/usr/bin:/etc/passwd"},
		(char[]){"GREETING=hello"},
		NULL,
	};
	const struct guest_spec spec = {
		.root_tag = "root",
		.hostname = "h",
		.workdir = workdir,
		.argv = argv,
		.envp = envp,
	};
	struct modules none = {.cnt = 0};
	struct bytes out = {0};

	ck_assert_int_eq(spec_encode(&out, &spec, &none), 0);
	ck_assert_int_eq(plan_parse(plan, out.data, out.len), 0);
}

static void pair(int *ours, int *theirs)
{
	int size = SOCKET_BUF_LEN;
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, fd),
			 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*ours = fd[0];
	*theirs = fd[1];
}

/* What main() in init.c does once it is in the new root. */
static void be_init(struct ports *ports, const struct plan *plan)
{
	int control_fd = ports->fd[GUEST_PORT_CONTROL];
	struct supervise *s = malloc(sizeof(*s));
	struct command command;
	struct guest_msg why;
	int signal_fd;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal_fd = supervise_signals();
	if (command_start(&command, plan, &why)) {
		report_send(control_fd, &why);
		_exit(0);
	}
	report_event(control_fd, GUEST_MSG_STARTED, 0);
	supervise_init(s, &command, ports, signal_fd, -command.pid);
	report_event(control_fd, GUEST_MSG_ENDED, (uint32_t)supervise_run(s));
	_exit(0);
}

static void host_send(struct host *h)
{
	char buf[3000];
	size_t i, len = MIN(sizeof(buf), h->in_len - h->in_done);
	ssize_t n;

	for (i = 0; i < len; i++)
		buf[i] = pattern(h->in_done + i);
	n = len ? write(h->fd[GUEST_PORT_STDIN], buf, len) : 0;
	if (n < 0 && errno == EPIPE)
		fd_close(&h->fd[GUEST_PORT_STDIN]);
	h->in_done += n > 0 ? (size_t)n : 0;
	if (h->in_done == h->in_len && !h->keep_stdin)
		fd_close(&h->fd[GUEST_PORT_STDIN]);
}

static void host_receive(struct host *h, enum guest_port port)
{
	char buf[5000];
	ssize_t i, n = read(h->fd[port], buf, sizeof(buf));

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			fd_close(&h->fd[port]);
		return;
	}
	for (i = 0; i < n; i++, h->len[port]++) {
		if (buf[i] != pattern(h->len[port]))
			h->is_pattern[port] = false;
		if (h->len[port] < KEPT_LEN - 1)
			h->kept[port][h->len[port]] = buf[i];
	}
	if (port == GUEST_PORT_STDOUT && h->close_at &&
	    h->len[port] >= h->close_at)
		fd_close(&h->fd[port]);
}

/* Plays the monitor until init closes the control port. */
static void be_host(struct host *h)
{
	struct pollfd p[GUEST_NUM_PORTS];
	enum guest_port port;

	poll(NULL, 0, h->deaf_ms);
	for (;;) {
		for (port = 0; port < GUEST_NUM_PORTS; port++) {
			p[port].fd = h->fd[port];
			p[port].events = POLLIN;
		}
		p[GUEST_PORT_STDIN].events =
			h->in_done < h->in_len || !h->keep_stdin ? POLLOUT : 0;
		ck_assert_int_gt(poll(p, GUEST_NUM_PORTS, 10000), 0);
		if (p[GUEST_PORT_STDIN].revents)
			host_send(h);
		if (p[GUEST_PORT_STDOUT].revents)
			host_receive(h, GUEST_PORT_STDOUT);
		if (p[GUEST_PORT_STDERR].revents)
			host_receive(h, GUEST_PORT_STDERR);
		if (p[GUEST_PORT_CONTROL].revents &&
		    read(h->fd[GUEST_PORT_CONTROL], &h->last,
			 sizeof(h->last)) != sizeof(h->last))
			break;
	}
	/* The end of the control port says that all else was sent. */
	while (h->fd[GUEST_PORT_STDOUT] >= 0)
		host_receive(h, GUEST_PORT_STDOUT);
	while (h->fd[GUEST_PORT_STDERR] >= 0)
		host_receive(h, GUEST_PORT_STDERR);
}

/* Runs a command to its end; h->last is init's last message. */
static void run(struct host *h, char *const *argv, const char *workdir)
{
	struct ports ports;
	struct plan plan;
	unsigned int i;
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	make_plan(&plan, argv, workdir);
	for (i = 0; i < GUEST_NUM_PORTS; i++) {
		pair(&h->fd[i], &ports.fd[i]);
		h->is_pattern[i] = true;
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	for (i = 0; i < GUEST_NUM_PORTS; i++)
		fd_close(pid ? &ports.fd[i] : &h->fd[i]);
	if (pid == 0)
		be_init(&ports, &plan);
	plan_destroy(&plan);
	be_host(h);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (i = 0; i < GUEST_NUM_PORTS; i++)
		fd_close(&h->fd[i]);
	ck_assert_uint_eq(h->last.magic, GUEST_MSG_MAGIC);
	ck_assert_uint_ne(h->last.clock_ns, 0);
}

static void run_shell(struct host *h, const char *script)
{
	char *copy = strdup(script);
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, copy, NULL};

	run(h, argv, "/");
	free(copy);
	ck_assert_uint_eq(h->last.type, GUEST_MSG_ENDED);
}

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

	run_shell(&h, statuses[_i].script);
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

	run(&h, argv, "/usr");
	ck_assert_uint_eq(h.last.value, 0);
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "hello\n/usr\n");
	ck_assert_str_eq(h.kept[GUEST_PORT_STDERR], "zero a b\n");
}
END_TEST

START_TEST(cat_is_exact)
{
	struct host h = {.in_len = MIB(8)};

	run_shell(&h, "exec cat");
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

	run_shell(&h, "exec tee /dev/stderr");
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

	run_shell(&h, "head -c 120000 /dev/zero; exit 9");
	ck_assert_uint_eq(h.last.value, 9);
	ck_assert_uint_eq(h.len[GUEST_PORT_STDOUT], 120000);
}
END_TEST

START_TEST(reader_goes_away)
{
	struct host h = {.close_at = 10000};

	run_shell(&h, "exec yes");
	ck_assert_uint_eq(h.last.value, 128 + SIGPIPE);
}
END_TEST

/* Nobody reads stdin any more: the sender is told, and the command lives. */
START_TEST(command_closes_stdin)
{
	struct host h = {.in_len = MIB(8)};

	run_shell(&h, "exec <&-; sleep 0.2; echo bye");
	ck_assert_uint_eq(h.last.value, 0);
	ck_assert_uint_lt(h.in_done, MIB(8));
	ck_assert_str_eq(h.kept[GUEST_PORT_STDOUT], "bye\n");
}
END_TEST

/* ... also while there is nothing to send. */
START_TEST(command_closes_idle_stdin)
{
	struct host h = {.keep_stdin = true};

	run_shell(&h, "exec <&-; exec >&-; exec sleep 0.2");
	ck_assert_uint_eq(h.last.value, 0);
}
END_TEST

START_TEST(end_of_stdin)
{
	struct host h = {.in_len = 0};

	run_shell(&h, "cat; echo eof");
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
	run_shell(&h, orphans[_i].script);
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
	{"noexec", 0755, "echo"},
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
	{"./noexec", NULL, 126, "command './noexec': Exec format error"},
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
	run(&h, argv, failures[_i].workdir ? failures[_i].workdir : dir);
	remove_files(dir);
	ck_assert_uint_eq(h.last.type, GUEST_MSG_FAILED);
	ck_assert_str_eq(h.last.text, failures[_i].text);
	ck_assert_uint_eq(h.last.value, failures[_i].value);
	free(command);
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
	run(&h, argv, "/");
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
	tcase_add_test(tcase, long_name);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
