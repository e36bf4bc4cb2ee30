/*
 * wherry doctor: what this host offers, and what it lacks.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot/modpatch.h"
#include "boot/modules.h"
#include "vmm/cachedir.h"
#include "vmm/cmd.h"
#include "vmm/doctor.h"
#include "vmm/kvm/kvm.h"
#include "vmm/sandbox/caps.h"
#include "vmm/sandbox/landlock.h"

enum {
	DOCTOR_HEALTHY = 0,
	DOCTOR_ILL = 1,
};

static void examine_kvm(struct doctor_facts *f)
{
	struct kvm kvm;

	f->kvm_err = kvm_init(&kvm, &f->kvm_why);
	f->kvm_kind = kvm_kind();
	f->kvm_is_stock = kvm_runs_stock_kernels();
	kvm_destroy(&kvm);
}

static void examine_files(struct doctor_facts *f)
{
	struct fail ignored;

	f->kernel_err = hostkernel_find(&f->kernel, NULL, NULL, &f->kernel_why);
	if (f->kernel_err || !hostkernel_stalls(f->kernel.kernel, f->stalls))
		f->stalls[0] = '\0';
	f->cache_err =
		cachedir_find(f->cache_dir, sizeof(f->cache_dir), &ignored);
	if (!f->cache_err)
		f->cache_err = cachedir_check(f->cache_dir);
}

static bool is_own_kernel(const char *modules)
{
	static const char suffix[] = "-wherry";
	size_t len = strlen(modules);

	return len >= strlen(suffix) &&
	       !strcmp(modules + len - strlen(suffix), suffix);
}

/* A kernel that has virtiofs built in does not show what it can do: it is taken
 * at its name, which is that of configs/guest-x86_64.config.
 */
static void examine_shared(struct doctor_facts *f)
{
	static const char *const wanted[] = {"virtiofs", NULL};
	struct modules modules = {0};
	struct fail ignored;

	if (f->kernel_err || modules_collect(&modules, f->kernel.modules,
					     wanted, NULL, &ignored))
		f->shared = SHARED_UNKNOWN;
	else if (modules_find(&modules, wanted[0]))
		f->shared = modpatch_use_installed(&modules)
				    ? SHARED_BY_MODULES
				    : SHARED_NO_MODULES;
	else
		f->shared = is_own_kernel(f->kernel.modules)
				    ? SHARED_BY_KERNEL
				    : SHARED_NOT_MODULAR;
	modules_destroy(&modules);
}

static void examine_user(struct doctor_facts *f)
{
	const struct passwd *entry = getpwuid(geteuid());
	const char *name = entry ? entry->pw_name : NULL;

	f->can_isolate = caps_can_isolate();
	if (name)
		snprintf(f->user, sizeof(f->user), "%s", name);
	else
		snprintf(f->user, sizeof(f->user), "%u", geteuid());
	f->uids.err =
		subid_find("/etc/subuid", geteuid(), name, &f->uids.range);
	f->gids.err =
		subid_find("/etc/subgid", geteuid(), name, &f->gids.range);
	f->uids.has_tool = probe_program("newuidmap");
	f->gids.has_tool = probe_program("newgidmap");
}

static void examine_host(struct doctor_facts *f)
{
	probe_isolation(&f->isolation, f->can_isolate);
	f->userns_clone =
		probe_sysctl("/proc/sys/kernel/unprivileged_userns_clone");
	f->userns_max = probe_sysctl("/proc/sys/user/max_user_namespaces");
	f->userns_apparmor = probe_sysctl(
		"/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	f->seccomp_err = probe_seccomp();
	f->landlock = landlock_abi();
	f->cgroup_err = probe_cgroup();
	f->max_map_count = probe_sysctl("/proc/sys/vm/max_map_count");
	getrlimit(RLIMIT_NOFILE, &f->files);
}

int cmd_doctor(void)
{
	static const char *const words[] = {
		[DOCTOR_OK] = "ok",
		[DOCTOR_WARN] = "warn",
		[DOCTOR_MISSING] = "missing",
	};
	struct doctor_line lines[DOCTOR_NUM_LINES];
	struct doctor_facts facts = {0};
	enum doctor_level worst;

	examine_kvm(&facts);
	examine_files(&facts);
	examine_shared(&facts);
	examine_user(&facts);
	examine_host(&facts);
	worst = doctor_judge(&facts, lines);
	for (unsigned int i = 0; i < DOCTOR_NUM_LINES; i++)
		printf("%-8s%s: %s\n", words[lines[i].level], lines[i].name,
		       lines[i].text);
	return worst == DOCTOR_MISSING ? DOCTOR_ILL : DOCTOR_HEALTHY;
}
