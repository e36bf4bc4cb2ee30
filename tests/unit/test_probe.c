/*
 * What can be found out about a host without knowing the host: how its files
 * are read, and that asking changes nothing.
 */
#include "vmm/sandbox/probe.h"

#include <check.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/sandbox/landlock.h"

static char dir[] = "/tmp/wherry-probe-XXXXXX";
static char path[128];

static void setup(void)
{
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

static void write_text(const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

START_TEST(cgroup_path_is_that_of_version_2)
{
	static const struct {
		const char *text, *path;
	} rows[] = {
		{"0::/\n", "/"},
		{"0::/", "/"},
		{"0::/user.slice/a b\n", "/user.slice/a b"},
		{"12:cpu:/x\n1:name=systemd:/y\n0::/z\n", "/z"},
		{"0::/../other\n", "/../other"},
		{"\n\n0::/a:0::/b\n", "/a:0::/b"},
	};
	char got[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		ck_assert_int_eq(
			probe_cgroup_path(rows[i].text, got, sizeof(got)), 0);
		ck_assert_str_eq(got, rows[i].path);
	}
}
END_TEST

START_TEST(other_cgroups_are_none)
{
	static const char *const texts[] = {
		"",	   "\n",       "0::",	      "0::x\n",
		"0:cpu:/", "10::/x\n", "1:a:/0::/\n", " 0::/\n",
	};
	char got[64];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_msg(probe_cgroup_path(texts[i], got, sizeof(got)) ==
				      -ENOENT,
			      "'%s' names one", texts[i]);
	ck_assert_int_eq(probe_cgroup_path("0::/abc\n", got, 5), 0);
	ck_assert_str_eq(got, "/abc");
	ck_assert_int_eq(probe_cgroup_path("0::/abcd\n", got, 5),
			 -ENAMETOOLONG);
}
END_TEST

START_TEST(sysctl_is_a_number)
{
	write_text("0\n");
	ck_assert_int_eq(probe_sysctl(path), 0);
	write_text("65530\n");
	ck_assert_int_eq(probe_sysctl(path), 65530);
	write_text("9223372036854775807");
	ck_assert_int_eq(probe_sysctl(path), INT64_MAX);
}
END_TEST

START_TEST(anything_else_is_no_sysctl)
{
	static const char *const texts[] = {
		"",   "\n", "-1\n", "x\n", "1 2", "9223372036854775808\n",
		"1x", " 1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_text(texts[i]);
		ck_assert_msg(probe_sysctl(path) == -1, "'%s' is one",
			      texts[i]);
	}
	ck_assert_int_eq(probe_sysctl("/nonexistent/sysctl"), -1);
	ck_assert_int_eq(probe_sysctl("/tmp"), -1);
}
END_TEST

START_TEST(programs_are_found_in_path)
{
	char list[256];

	write_text("x");
	snprintf(list, sizeof(list), "/nonexistent::%s:", dir);
	setenv("PATH", list, 1);
	ck_assert(!probe_program("file"));
	ck_assert_int_eq(chmod(path, 0755), 0);
	ck_assert(probe_program("file"));
	ck_assert(!probe_program("fil"));
	setenv("PATH", "", 1);
	ck_assert(!probe_program("file"));
	unsetenv("PATH");
	ck_assert(!probe_program("file"));
	ck_assert_int_eq(chdir(dir), 0);
	setenv("PATH", ":", 1);
	ck_assert(!probe_program("file"));
}
END_TEST

static ino_t inode_of(const char *file)
{
	struct stat st;

	ck_assert_int_eq(stat(file, &st), 0);
	return st.st_ino;
}

/* Whatever comes out, this process is where it was, without a child. */
START_TEST(asking_changes_nothing)
{
	static const char *const names[] = {
		"/proc/self/ns/user", "/proc/self/ns/mnt", "/proc/self/ns/net",
		"/proc/self/ns/uts",  "/proc/self/ns/ipc",
	};
	ino_t before[ARRAY_SIZE(names)];
	struct probe_isolation result;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		before[i] = inode_of(names[i]);
	for (int root = 0; root < 2; root++) {
		result = (struct probe_isolation){PROBE_NUM_STEPS, -1};
		probe_isolation(&result, root);
		ck_assert_int_eq(result.err == 0,
				 result.step == PROBE_NUM_STEPS);
		ck_assert_int_le(result.err, 0);
		ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_uint_eq(inode_of(names[i]), before[i]);
}
END_TEST

/* From now on a system call has this result, or ends the process. */
static void forbid(unsigned int nr, unsigned int action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_SIZE(code), code};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
			 0);
}

START_TEST(what_is_forbidden_is_told)
{
	struct probe_isolation result;

	probe_isolation(&result, geteuid() == 0);
	if (result.step == PROBE_NUM_STEPS) {
		forbid(SYS_pivot_root, SECCOMP_RET_ERRNO | EPERM);
		probe_isolation(&result, geteuid() == 0);
		ck_assert_int_eq(result.step, PROBE_MOUNTS);
		ck_assert_int_eq(result.err, -EPERM);
		forbid(SYS_open_tree, SECCOMP_RET_ERRNO | ENOSYS);
		probe_isolation(&result, geteuid() == 0);
		ck_assert_int_eq(result.step, PROBE_MOUNTS);
		ck_assert_int_eq(result.err, -ENOSYS);
		forbid(SYS_mount, SECCOMP_RET_ERRNO | EACCES);
		probe_isolation(&result, geteuid() == 0);
		ck_assert_int_eq(result.step, PROBE_NAMESPACES);
		ck_assert_int_eq(result.err, -EACCES);
	}
	forbid(SYS_unshare, SECCOMP_RET_ERRNO | ENOSPC);
	probe_isolation(&result, true);
	ck_assert_int_eq(result.step, PROBE_NAMESPACES);
	ck_assert_int_eq(result.err, -ENOSPC);
	probe_isolation(&result, false);
	ck_assert_int_eq(result.step, PROBE_USER_NAMESPACE);
	ck_assert_int_eq(result.err, -ENOSPC);
}
END_TEST

START_TEST(child_that_is_ended_is_a_refusal)
{
	struct probe_isolation result;

	forbid(SYS_unshare, SECCOMP_RET_KILL_PROCESS);
	probe_isolation(&result, false);
	ck_assert_int_eq(result.step, PROBE_USER_NAMESPACE);
	ck_assert_int_eq(result.err, -EPERM);
	probe_isolation(&result, true);
	ck_assert_int_eq(result.step, PROBE_NAMESPACES);
	ck_assert_int_eq(result.err, -EPERM);
}
END_TEST

START_TEST(kernel_without_filters_or_landlock_is_noticed)
{
	/* Else the next lines could not be. */
	ck_assert_int_eq(probe_seccomp(), 0);
	forbid(SYS_landlock_create_ruleset, SECCOMP_RET_ERRNO | EOPNOTSUPP);
	ck_assert_int_eq(landlock_abi(), -EOPNOTSUPP);
	forbid(SYS_seccomp, SECCOMP_RET_ERRNO | ENOSYS);
	ck_assert_int_eq(probe_seccomp(), -ENOSYS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probe");
	TCase *tcase = tcase_create("probe");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, cgroup_path_is_that_of_version_2);
	tcase_add_test(tcase, other_cgroups_are_none);
	tcase_add_test(tcase, sysctl_is_a_number);
	tcase_add_test(tcase, anything_else_is_no_sysctl);
	tcase_add_test(tcase, programs_are_found_in_path);
	tcase_add_test(tcase, asking_changes_nothing);
	tcase_add_test(tcase, what_is_forbidden_is_told);
	tcase_add_test(tcase, child_that_is_ended_is_a_refusal);
	tcase_add_test(tcase, kernel_without_filters_or_landlock_is_noticed);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
