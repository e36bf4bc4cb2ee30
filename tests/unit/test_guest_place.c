/*
 * Where the guest's command runs: a real process, made as init makes it, says
 * what it has become. Most of that takes root.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/bytes.h"
#include "boot/guest/command.h"
#include "boot/guest/plan.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"

enum { OUT_LEN = 4096 };

static char *const no_variables[] = {NULL};
static struct guest_msg why;
static char out[OUT_LEN];

/* Returns what command_start() did; @out then has what the script printed. */
static int start(const struct guest_spec *place, const char *script)
{
	char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"},
			      strdup(script), NULL};
	struct guest_spec spec = *place;
	struct modules none = {.cnt = 0};
	struct bytes bytes = {0};
	struct command command;
	struct plan plan;
	size_t len = 0;
	ssize_t n;
	int i, err;

	spec.root_tag = "root";
	spec.hostname = "h";
	spec.argv = argv;
	spec.workdir = place->workdir ? place->workdir : "/";
	spec.envp = place->envp ? place->envp : no_variables;
	ck_assert_int_eq(spec_encode(&bytes, &spec, &none), 0);
	ck_assert_int_eq(plan_parse(&plan, bytes.data, bytes.len), 0);
	why = (struct guest_msg){0};
	err = command_start(&command, &plan, &why);
	plan_destroy(&plan);
	free(argv[2]);
	if (err)
		return err;
	fcntl(command.stream_fd[STDOUT_FILENO], F_SETFL, 0);
	while ((n = read(command.stream_fd[STDOUT_FILENO], out + len,
			 OUT_LEN - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	for (i = 0; i < COMMAND_NUM_STREAMS; i++)
		close(command.stream_fd[i]);
	ck_assert_int_eq(waitpid(command.pid, NULL, 0), command.pid);
	return 0;
}

static void says(const struct guest_spec *place, const char *script,
		 const char *text)
{
	int err = start(place, script);

	ck_assert_msg(!err, "%s", why.text);
	ck_assert_str_eq(out, text);
}

static void fails(const struct guest_spec *place, const char *text)
{
	ck_assert_int_eq(start(place, "true"), -ECHILD);
	ck_assert_str_eq(why.text, text);
	ck_assert_uint_eq(why.value, GUEST_STATUS_FAILED);
}

static const char show_ids[] =
	"sed -n 's/^[UG]id:.//p; s/^Groups:.//p' /proc/self/status | "
	"tr '\\t' ' '; echo $HOME";

START_TEST(nobody_asked)
{
	const struct guest_spec place = {0};

	ck_assert_int_eq(start(&place, show_ids), 0);
	ck_assert_ptr_null(strchr(out, '/'));
}
END_TEST

START_TEST(user_and_groups)
{
	char *const groups[] = {(char[]){"77"}, (char[]){"tty"}, NULL};
	struct guest_spec place = {.user = "daemon", .group = "60"};

	if (geteuid())
		return;
	says(&place, show_ids, "1 1 1 1\n60 60 60 60\n60 \n/usr/sbin\n");
	place = (struct guest_spec){.user = "4711", .add_groups = groups};
	says(&place, show_ids, "4711 4711 4711 4711\n0 0 0 0\n0 5 77 \n/\n");
	place = (struct guest_spec){.add_groups = groups};
	says(&place, show_ids, "0 0 0 0\n0 0 0 0\n5 77 \n\n");
	place = (struct guest_spec){.user = "no-such", .workdir = "/no/dir"};
	fails(&place, "user 'no-such': not in the guest's /etc/passwd");
	place = (struct guest_spec){.user = "0", .group = "no-such"};
	fails(&place, "group 'no-such': not in the guest's /etc/group");
}
END_TEST

/* No way back, and no capability is left. */
START_TEST(user_is_not_root)
{
	const struct guest_spec place = {.user = "4711", .group = "4711"};

	if (geteuid())
		return;
	says(&place, "grep -E 'Cap(Prm|Eff|Inh|Amb)' /proc/self/status",
	     "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
	     "CapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n");
}
END_TEST

START_TEST(given_home_stays)
{
	char *const envp[] = {(char[]){"A=1"}, (char[]){"HOME=/mine"}, NULL};
	char *const other[] = {(char[]){"A=1"}, (char[]){"HOMES=/x"}, NULL};
	struct guest_spec place = {.user = "daemon", .envp = envp};

	if (geteuid())
		return;
	says(&place, "echo $A $HOME", "1 /mine\n");
	place.envp = other;
	says(&place, "echo $A $HOME", "1 /usr/sbin\n");
}
END_TEST

START_TEST(streams_are_the_users)
{
	const struct guest_spec place = {.user = "4711"};

	if (geteuid())
		return;
	says(&place, "echo a >/dev/stdout; echo b >/proc/self/fd/1", "a\nb\n");
}
END_TEST

/* It must be the user's to enter. */
START_TEST(workdir)
{
	char dir[] = "/tmp/test_guest_place.XXXXXX";
	struct guest_spec place = {.workdir = dir};
	char text[100];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(text, sizeof(text), "%s\n", dir);
	says(&place, "pwd", text);
	place.user = "4711";
	snprintf(text, sizeof(text), "workdir '%s': Permission denied", dir);
	if (!geteuid())
		fails(&place, text);
	rmdir(dir);
	place.user = NULL;
	snprintf(text, sizeof(text), "workdir '%s': No such file or directory",
		 dir);
	fails(&place, text);
}
END_TEST

/* Also for a user who may not raise them. */
START_TEST(limits)
{
	const struct guest_rlimit limit[] = {
		{"nofile", RLIMIT_NOFILE, 100, 200},
		{"core", RLIMIT_CORE, 0, UINT64_MAX},
		{"as", RLIMIT_AS, UINT64_MAX, UINT64_MAX},
		{.name = NULL},
	};
	const struct guest_rlimit much[] = {
		{"nofile", RLIMIT_NOFILE, 1, UINT64_MAX},
		{.name = NULL},
	};
	struct guest_spec place = {.rlimits = limit, .user = "4711"};

	if (geteuid())
		return;
	says(&place,
	     "ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc; ulimit -v; id -u",
	     "100\n200\n0\nunlimited\nunlimited\n4711\n");
	place.rlimits = much;
	fails(&place, "ulimit nofile: Operation not permitted");
}
END_TEST

static const char show_caps[] =
	"grep -E 'Cap(Inh|Prm|Eff|Bnd)' /proc/self/status | cut -f2";

#define CAPS(inh, prm) inh "\n" prm "\n" prm "\n" prm "\n"

/* Root has exactly what is left, and so have its children; others nothing. */
START_TEST(capabilities)
{
	static const char none[] = "0000000000000000";
	struct guest_spec place = {.dropped_caps = ~0x1001ULL};
	char text[100];

	if (geteuid())
		return;
	says(&place, show_caps, CAPS("0000000000000000", "0000000000001001"));
	place.dropped_caps = UINT64_MAX;
	says(&place, show_caps, CAPS("0000000000000000", "0000000000000000"));
	place.dropped_caps = ~0x1001ULL;
	place.user = "4711";
	snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n", none, none, none,
		 "0000000000001001");
	says(&place, show_caps, text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest_place");
	TCase *tcase = tcase_create("guest_place");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, nobody_asked);
	tcase_add_test(tcase, user_and_groups);
	tcase_add_test(tcase, user_is_not_root);
	tcase_add_test(tcase, given_home_stays);
	tcase_add_test(tcase, streams_are_the_users);
	tcase_add_test(tcase, workdir);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, capabilities);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
