/*
 * What facts about a host mean: a line for each, and the next step.
 */
#include "vmm/doctor.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/bits.h"

static struct doctor_facts facts;
static struct doctor_line lines[DOCTOR_NUM_LINES];

/* An ordinary user on a host that lacks nothing. */
static void setup(void)
{
	facts = (struct doctor_facts){
		.user = "rower",
		.kvm_kind = "kvm_amd",
		.kvm_is_stock = true,
		.kernel = {"/boot/vmlinuz-6.12", "/lib/modules/6.12"},
		.shared = SHARED_BY_MODULES,
		.cache_dir = "/home/rower/.cache/wherry",
		.isolation = {.step = PROBE_NUM_STEPS},
		.userns_clone = 1,
		.userns_max = 1000,
		.userns_apparmor = -1,
		.uids = {0, {100000, 65536}, true},
		.gids = {0, {200000, 65536}, true},
		.landlock = 2,
		.max_map_count = 65530,
		.files = {1024, 1048576},
	};
}

static const struct doctor_line *find(const char *name)
{
	for (unsigned int i = 0; i < DOCTOR_NUM_LINES; i++) {
		if (!strcmp(lines[i].name, name))
			return &lines[i];
	}
	ck_abort_msg("no line %s", name);
}

/* The line @name has this level and text in it; all others are ok, but for
 * @also, if there is one.
 */
static void says_also(const char *name, enum doctor_level level,
		      const char *text, const char *also)
{
	enum doctor_level worst = doctor_judge(&facts, lines);
	const struct doctor_line *line = find(name);

	ck_assert_msg(line->level == level, "%s: %d '%s'", name, line->level,
		      line->text);
	ck_assert_msg(strstr(line->text, text), "%s: no '%s' in '%s'", name,
		      text, line->text);
	ck_assert_int_eq(worst, level);
	for (unsigned int i = 0; i < DOCTOR_NUM_LINES; i++) {
		if (&lines[i] == line || (also && !strcmp(lines[i].name, also)))
			continue;
		ck_assert_msg(lines[i].level == DOCTOR_OK, "%s: '%s'",
			      lines[i].name, lines[i].text);
	}
}

static void says(const char *name, enum doctor_level level, const char *text)
{
	says_also(name, level, text, NULL);
}

START_TEST(healthy_host_is_ok)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{"kvm", "/dev/kvm can be used (kvm_amd)"},
		{"boot", "kernel /boot/vmlinuz-6.12, modules "
			 "/lib/modules/6.12"},
		{"cache", "/home/rower/.cache/wherry"},
		{"shared", "modules for cache=shared are there"},
		{"namespaces", "user namespace"},
		{"mounts", "root of its own"},
		{"ids", "65536 users from 100000 on, 65536 groups from "
			"200000 on"},
		{"seccomp", "filters"},
		{"landlock", "ABI 2"},
		{"cgroup", "yours"},
		{"mappings", "65530: windows of up to 21842M"},
		{"files", "1048576 open, now 1024"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		says(rows[i].name, DOCTOR_OK, rows[i].text);
	ck_assert_uint_eq(ARRAY_SIZE(rows), DOCTOR_NUM_LINES);
}
END_TEST

START_TEST(root_needs_neither_ids_nor_user_namespaces)
{
	facts.can_isolate = true;
	facts.uids.err = -ENOENT;
	facts.gids.err = -ENOENT;
	facts.userns_clone = 0;
	facts.userns_max = 0;
	says("ids", DOCTOR_OK, "root needs no");
	says("namespaces", DOCTOR_OK, "you can make them");
}
END_TEST

START_TEST(kvm_or_kernel_missing)
{
	facts.kvm_err = fail_set(&facts.kvm_why, -EACCES, "/dev/kvm: do this");
	says("kvm", DOCTOR_MISSING, "/dev/kvm: do this");
	setup();
	facts.kvm_kind = "kvm_pvm";
	facts.kvm_is_stock = false;
	says("kvm", DOCTOR_MISSING, "kvm_pvm");
	setup();
	strcpy(facts.stalls, "6.1.176");
	says("boot", DOCTOR_WARN, "Linux 6.1.176");
	facts.kernel_err = fail_set(&facts.kernel_why, -ENOENT, "kernel: x");
	says("boot", DOCTOR_MISSING, "kernel: x");
}
END_TEST

START_TEST(cache_is_a_matter_of_time_only)
{
	facts.cache_err = -EROFS;
	says("cache", DOCTOR_WARN, "Read-only");
	says("cache", DOCTOR_WARN, "XDG_CACHE_HOME");
}
END_TEST

/* Each kind of kernel has its own next step. */
START_TEST(guests_cannot_share)
{
	facts.shared = SHARED_NO_MODULES;
	says("shared", DOCTOR_WARN, "make guest-modules KVER=6.12 and");
	memset(facts.kernel.modules, 'x', sizeof(facts.kernel.modules) - 1);
	says("shared", DOCTOR_WARN, "make install");
	facts.shared = SHARED_NOT_MODULAR;
	says("shared", DOCTOR_WARN, "make guest-kernel");
	facts.shared = SHARED_BY_KERNEL;
	says("shared", DOCTOR_OK, "the kernel");
	facts.shared = SHARED_UNKNOWN;
	says("shared", DOCTOR_WARN, "see boot");
}
END_TEST

/* Whose switch is it? The one that is off is named with the way to turn it. */
START_TEST(switch_that_forbids_namespaces_is_named)
{
	facts.isolation =
		(struct probe_isolation){PROBE_USER_NAMESPACE, -EPERM};
	says_also("namespaces", DOCTOR_MISSING, "--no-sandbox", "mounts");
	facts.userns_apparmor = 0;
	says_also("namespaces", DOCTOR_MISSING, "--no-sandbox", "mounts");
	facts.userns_apparmor = 1;
	says_also("namespaces", DOCTOR_MISSING,
		  "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
		  "mounts");
	facts.userns_max = 0;
	says_also("namespaces", DOCTOR_MISSING,
		  "sysctl -w user.max_user_namespaces=", "mounts");
	facts.userns_clone = 0;
	says_also("namespaces", DOCTOR_MISSING,
		  "sysctl -w kernel.unprivileged_userns_clone=1", "mounts");
	ck_assert_int_eq(find("mounts")->level, DOCTOR_WARN);
}
END_TEST

START_TEST(kernels_without_a_switch_are_not_blamed)
{
	facts.isolation =
		(struct probe_isolation){PROBE_USER_NAMESPACE, -EPERM};
	facts.userns_clone = -1;
	facts.userns_max = -1;
	says_also("namespaces", DOCTOR_MISSING, "around this process",
		  "mounts");
	facts.isolation.err = -ENOSPC;
	facts.userns_max = 7;
	says_also("namespaces", DOCTOR_MISSING, "namespaces is 7;", "mounts");
}
END_TEST

/* Who needs no user namespace is not sent to their switches. */
START_TEST(root_without_namespaces_is_told_so)
{
	facts.can_isolate = true;
	facts.userns_clone = 0;
	facts.userns_max = 0;
	facts.userns_apparmor = 1;
	facts.isolation = (struct probe_isolation){PROBE_NAMESPACES, -ENOSPC};
	says_also("namespaces", DOCTOR_MISSING, "around this process",
		  "mounts");
	ck_assert_ptr_null(strstr(find("namespaces")->text, "sysctl"));
}
END_TEST

START_TEST(mount_calls_missing)
{
	facts.isolation = (struct probe_isolation){PROBE_MOUNTS, -ENOSYS};
	says("mounts", DOCTOR_MISSING, "Function not implemented; it takes");
}
END_TEST

START_TEST(ids_missing)
{
	facts.gids.err = -ENOENT;
	says("ids", DOCTOR_WARN, "in /etc/subgid");
	says("ids", DOCTOR_WARN, "100000-165535 rower");
	facts.uids.err = -ENOENT;
	says("ids", DOCTOR_WARN, "in /etc/subuid");
	facts.uids.err = -EACCES;
	says("ids", DOCTOR_WARN, "chmod a+r /etc/subuid");
	setup();
	facts.gids.has_tool = false;
	says("ids", DOCTOR_MISSING, "no newgidmap in PATH");
	facts.uids.has_tool = false;
	says("ids", DOCTOR_MISSING, "no newuidmap in PATH");
	says("ids", DOCTOR_MISSING, "package uidmap");
}
END_TEST

START_TEST(filters_missing)
{
	facts.seccomp_err = -ENOSYS;
	says("seccomp", DOCTOR_MISSING, "CONFIG_SECCOMP_FILTER");
}
END_TEST

START_TEST(landlock_too_old_or_off)
{
	facts.landlock = 1;
	says("landlock", DOCTOR_WARN, "ABI 1 ");
	facts.landlock = -EOPNOTSUPP;
	says("landlock", DOCTOR_WARN, "lsm=");
	facts.landlock = -ENOSYS;
	says("landlock", DOCTOR_WARN, "CONFIG_SECURITY_LANDLOCK");
}
END_TEST

START_TEST(cgroup_missing_or_of_others)
{
	facts.cgroup_err = -ENOENT;
	says("cgroup", DOCTOR_WARN, "version 2");
	facts.cgroup_err = -EACCES;
	says("cgroup", DOCTOR_WARN, "systemd-run");
}
END_TEST

START_TEST(limits_too_low)
{
	facts.max_map_count = 3072;
	says("mappings", DOCTOR_OK, "1024M");
	facts.max_map_count = 3071;
	says("mappings", DOCTOR_WARN, "sysctl -w vm.max_map_count=");
	facts.max_map_count = -1;
	says("mappings", DOCTOR_WARN, "/proc");
	setup();
	facts.files.rlim_max = 16384;
	says("files", DOCTOR_OK, "16384");
	facts.files.rlim_max = 16383;
	says("files", DOCTOR_WARN, "LimitNOFILE=");
	facts.files.rlim_max = RLIM_INFINITY;
	says("files", DOCTOR_OK, "as many");
}
END_TEST

/* A path may have anything in it, and be as long as it likes. */
START_TEST(one_fact_stays_one_line)
{
	strcpy(facts.cache_dir, "/home/a\nok      kvm: b\033[2J");
	facts.cache_err = -EACCES;
	says("cache", DOCTOR_WARN, "/home/a?ok      kvm: b?[2J: Perm");
	memset(facts.cache_dir, 'x', sizeof(facts.cache_dir) - 1);
	says("cache", DOCTOR_WARN, "XDG_CACHE_HOME");
	setup();
	memset(facts.kernel.kernel, '\n', sizeof(facts.kernel.kernel) - 1);
	says("boot", DOCTOR_OK, "???, modules /lib");
	memset(facts.kernel_why.text, '\n', sizeof(facts.kernel_why.text) - 1);
	facts.kernel_err = -ENOENT;
	says("boot", DOCTOR_MISSING, "???");
	ck_assert_ptr_null(strchr(find("boot")->text, '\n'));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("doctor");
	TCase *tcase = tcase_create("doctor");
	SRunner *sr = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, healthy_host_is_ok);
	tcase_add_test(tcase, root_needs_neither_ids_nor_user_namespaces);
	tcase_add_test(tcase, kvm_or_kernel_missing);
	tcase_add_test(tcase, cache_is_a_matter_of_time_only);
	tcase_add_test(tcase, guests_cannot_share);
	tcase_add_test(tcase, switch_that_forbids_namespaces_is_named);
	tcase_add_test(tcase, kernels_without_a_switch_are_not_blamed);
	tcase_add_test(tcase, root_without_namespaces_is_told_so);
	tcase_add_test(tcase, mount_calls_missing);
	tcase_add_test(tcase, ids_missing);
	tcase_add_test(tcase, filters_missing);
	tcase_add_test(tcase, landlock_too_old_or_off);
	tcase_add_test(tcase, cgroup_missing_or_of_others);
	tcase_add_test(tcase, limits_too_low);
	tcase_add_test(tcase, one_fact_stays_one_line);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
