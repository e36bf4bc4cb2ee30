/*
 * What the facts about a host mean for `wherry run`.
 */
#include "vmm/doctor.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/log.h"
#include "vmm/kvm/kvm.h"

enum {
	LANDLOCK_ABI_REFER = 2, /* the first that allows renames between
				 * directories */
	MAPS_PER_2M = 6,	/* as windows_max_ranges() counts */
	MAPS_WANTED = 512 * MAPS_PER_2M, /* the longest default window */
	FILES_WANTED = 4 * 4096, /* the file server keeps a quarter open */
};

__attribute__((format(printf, 3, 4))) static void
say(struct doctor_line *line, enum doctor_level level, const char *fmt, ...)
{
	va_list args;

	line->level = level;
	va_start(args, fmt);
	vsnprintf(line->text, sizeof(line->text), fmt, args);
	va_end(args);
	log_hide_controls(line->text, strlen(line->text));
}

static void judge_kvm(const struct doctor_facts *f, struct doctor_line *line)
{
	if (f->kvm_err)
		say(line, DOCTOR_MISSING, "%s", f->kvm_why.text);
	else if (!f->kvm_is_stock)
		say(line, DOCTOR_MISSING, "%s", KVM_NO_STOCK_KERNELS);
	else
		say(line, DOCTOR_OK, "/dev/kvm can be used (%s)", f->kvm_kind);
}

static void judge_kernel(const struct doctor_facts *f, struct doctor_line *line)
{
	if (f->kernel_err)
		say(line, DOCTOR_MISSING, "%s", f->kernel_why.text);
	else if (f->stalls[0])
		say(line, DOCTOR_WARN,
		    "kernel %.400s: Linux %s can stand still when it closes a "
		    "file that is in a window, so the root has none; install a "
		    "newer one",
		    f->kernel.kernel, f->stalls);
	else
		say(line, DOCTOR_OK, "kernel %.400s, modules %.400s",
		    f->kernel.kernel, f->kernel.modules);
}

static void judge_cache(const struct doctor_facts *f, struct doctor_line *line)
{
	if (f->cache_err)
		say(line, DOCTOR_WARN,
		    "%.400s: %s; each start unpacks the kernel again, half a "
		    "second; set XDG_CACHE_HOME to a directory of yours",
		    f->cache_dir, strerror(-f->cache_err));
	else
		say(line, DOCTOR_OK, "%.400s", f->cache_dir);
}

static void judge_shared(const struct doctor_facts *f, struct doctor_line *line)
{
	const char *slash = strrchr(f->kernel.modules, '/');
	const char *version = slash ? slash + 1 : "";

	switch (f->shared) {
	case SHARED_UNKNOWN:
		say(line, DOCTOR_WARN,
		    "not looked at without a kernel and its modules; see boot "
		    "first");
		break;
	case SHARED_BY_MODULES:
		say(line, DOCTOR_OK, "modules for cache=shared are there");
		break;
	case SHARED_BY_KERNEL:
		say(line, DOCTOR_OK, "the kernel is made for cache=shared");
		break;
	case SHARED_NOT_MODULAR:
		say(line, DOCTOR_WARN,
		    "the kernel's virtiofs is no module, so cache=shared is "
		    "cache=auto; run make guest-kernel and use its kernel with "
		    "--kernel");
		break;
	case SHARED_NO_MODULES:
		say(line, DOCTOR_WARN,
		    "no modules of Wherry's for kernel %.200s, so cache=shared "
		    "is cache=auto; run make guest-modules KVER=%.200s and "
		    "make install",
		    version, version);
		break;
	}
}

/* There are no namespaces: which switch of the host is it? */
static void judge_refusal(const struct doctor_facts *f,
			  struct doctor_line *line)
{
	const char *why = strerror(-f->isolation.err);

	if (!f->can_isolate && f->userns_clone == 0)
		say(line, DOCTOR_MISSING,
		    "%s: kernel.unprivileged_userns_clone is 0; run sudo "
		    "sysctl -w kernel.unprivileged_userns_clone=1",
		    why);
	else if (!f->can_isolate &&
		 (f->userns_max == 0 || f->isolation.err == -ENOSPC))
		say(line, DOCTOR_MISSING,
		    "%s: user.max_user_namespaces is %" PRId64 "; run sudo "
		    "sysctl -w user.max_user_namespaces=10000",
		    why, f->userns_max);
	else if (!f->can_isolate && f->userns_apparmor > 0)
		say(line, DOCTOR_MISSING,
		    "%s: kernel.apparmor_restrict_unprivileged_userns is on; "
		    "give wherry an AppArmor profile with userns, or run sudo "
		    "sysctl -w "
		    "kernel.apparmor_restrict_unprivileged_userns=0",
		    why);
	else
		say(line, DOCTOR_MISSING,
		    "%s: something around this process forbids them, as most "
		    "containers do; start wherry outside, or use --no-sandbox",
		    why);
}

static void judge_namespaces(const struct doctor_facts *f,
			     struct doctor_line *line)
{
	if (f->isolation.step <= PROBE_NAMESPACES)
		judge_refusal(f, line);
	else if (f->can_isolate)
		say(line, DOCTOR_OK, "you can make them");
	else
		say(line, DOCTOR_OK, "you can make them, by a user namespace");
}

static void judge_mounts(const struct doctor_facts *f, struct doctor_line *line)
{
	if (f->isolation.step == PROBE_NUM_STEPS)
		say(line, DOCTOR_OK, "the monitor can have a root of its own");
	else if (f->isolation.step == PROBE_MOUNTS)
		say(line, DOCTOR_MISSING,
		    "no root of its own for the monitor: %s; it takes Linux "
		    "5.12 and no filter around this process: use a newer host "
		    "kernel, start wherry outside of its container, or use "
		    "--no-sandbox",
		    strerror(-f->isolation.err));
	else
		say(line, DOCTOR_WARN,
		    "not tried without namespaces; see there first");
}

/* With a range, `run` insists on it: a guest's files would change owners with
 * what is installed.
 */
static void judge_ids(const struct doctor_facts *f, struct doctor_line *line)
{
	const char *file = f->uids.err ? "/etc/subuid" : "/etc/subgid";
	int err = f->uids.err ? f->uids.err : f->gids.err;

	if (f->can_isolate)
		say(line, DOCTOR_OK, "root needs no subordinate ids");
	else if (err == -ENOENT)
		say(line, DOCTOR_WARN,
		    "no subordinate ids for %s in %s, so a guest's files have "
		    "one owner; give it a range that nobody else has, e.g. "
		    "sudo usermod --add-subuids 100000-165535 --add-subgids "
		    "100000-165535 %s",
		    f->user, file, f->user);
	else if (err)
		say(line, DOCTOR_WARN,
		    "%s: %s, so a guest's files have one owner; make it "
		    "readable: sudo chmod a+r %s",
		    file, strerror(-err), file);
	else if (!f->uids.has_tool || !f->gids.has_tool)
		say(line, DOCTOR_MISSING,
		    "there are subordinate ids for %s, but no %s in PATH; "
		    "install the package uidmap",
		    f->user, f->uids.has_tool ? "newgidmap" : "newuidmap");
	else
		say(line, DOCTOR_OK,
		    "%u users from %u on, %u groups from %u on",
		    f->uids.range.count, f->uids.range.first,
		    f->gids.range.count, f->gids.range.first);
}

static void judge_seccomp(const struct doctor_facts *f,
			  struct doctor_line *line)
{
	if (f->seccomp_err)
		say(line, DOCTOR_MISSING,
		    "%s; use a host kernel with CONFIG_SECCOMP_FILTER, or "
		    "--no-sandbox",
		    strerror(-f->seccomp_err));
	else
		say(line, DOCTOR_OK, "filters are there");
}

static void judge_landlock(const struct doctor_facts *f,
			   struct doctor_line *line)
{
	if (f->landlock >= LANDLOCK_ABI_REFER)
		say(line, DOCTOR_OK, "ABI %d", f->landlock);
	else if (f->landlock >= 0)
		say(line, DOCTOR_WARN,
		    "ABI %d forbids renames between directories, so the "
		    "sandbox does without it; use Linux 5.19 or newer",
		    f->landlock);
	else if (f->landlock == -EOPNOTSUPP)
		say(line, DOCTOR_WARN,
		    "switched off, so the sandbox does without it; add "
		    "landlock to lsm= on the host kernel's command line");
	else
		say(line, DOCTOR_WARN,
		    "%s, so the sandbox does without it; use a host kernel "
		    "with CONFIG_SECURITY_LANDLOCK, 5.19 or newer",
		    strerror(-f->landlock));
}

static void judge_cgroup(const struct doctor_facts *f, struct doctor_line *line)
{
	if (!f->cgroup_err)
		say(line, DOCTOR_OK, "version 2, and this one is yours");
	else if (f->cgroup_err == -ENOENT)
		say(line, DOCTOR_WARN,
		    "this process has none of version 2 in /sys/fs/cgroup; "
		    "start the host with systemd.unified_cgroup_hierarchy=1, "
		    "or limit wherry's resources by other means");
	else
		say(line, DOCTOR_WARN,
		    "not delegated to you (%s); to limit all of a guest, start "
		    "it with systemd-run --user --scope -p Delegate=yes",
		    strerror(-f->cgroup_err));
}

static void judge_maps(const struct doctor_facts *f, struct doctor_line *line)
{
	int64_t mib = f->max_map_count / MAPS_PER_2M * 2;

	if (f->max_map_count < 0)
		say(line, DOCTOR_WARN,
		    "vm.max_map_count cannot be read; mount /proc");
	else if (f->max_map_count < MAPS_WANTED)
		say(line, DOCTOR_WARN,
		    "vm.max_map_count is %" PRId64 ", which allows windows of "
		    "%" PRId64 "M in all; run sudo sysctl -w "
		    "vm.max_map_count=65530, or use dax=",
		    f->max_map_count, mib);
	else
		say(line, DOCTOR_OK,
		    "vm.max_map_count is %" PRId64 ": windows of up to "
		    "%" PRId64 "M in all",
		    f->max_map_count, mib);
}

static void judge_files(const struct doctor_facts *f, struct doctor_line *line)
{
	uint64_t hard = f->files.rlim_max;

	if (hard < FILES_WANTED)
		say(line, DOCTOR_WARN,
		    "%" PRIu64 " open files at most, of which a guest gets a "
		    "quarter; raise the hard limit to %d: nofile in "
		    "/etc/security/limits.conf, or LimitNOFILE=",
		    hard, FILES_WANTED);
	else if (hard == RLIM_INFINITY)
		say(line, DOCTOR_OK, "as many as the host has");
	else
		say(line, DOCTOR_OK, "%" PRIu64 " open, now %" PRIu64, hard,
		    (uint64_t)f->files.rlim_cur);
}

static const struct check {
	const char *name;
	void (*judge)(const struct doctor_facts *f, struct doctor_line *line);
} checks[] = {
	{"kvm", judge_kvm},
	{"boot", judge_kernel},
	{"cache", judge_cache},
	{"shared", judge_shared},
	{"namespaces", judge_namespaces},
	{"mounts", judge_mounts},
	{"ids", judge_ids},
	{"seccomp", judge_seccomp},
	{"landlock", judge_landlock},
	{"cgroup", judge_cgroup},
	{"mappings", judge_maps},
	{"files", judge_files},
};
static_assert(ARRAY_SIZE(checks) == DOCTOR_NUM_LINES, "a line for each");

enum doctor_level doctor_judge(const struct doctor_facts *facts,
			       struct doctor_line *lines)
{
	enum doctor_level worst = DOCTOR_OK;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		lines[i].name = checks[i].name;
		checks[i].judge(facts, &lines[i]);
		worst = MAX(worst, lines[i].level);
	}
	return worst;
}
