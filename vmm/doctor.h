/*
 * What the facts about a host mean for `wherry run`: a line for each, with the
 * next step if something is not as it should be.
 */
#ifndef VMM_DOCTOR_H
#define VMM_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "vmm/base/fail.h"
#include "vmm/hostkernel.h"
#include "vmm/sandbox/probe.h"
#include "vmm/sandbox/subid.h"

/**
 * struct doctor_subids - What subuid(5) or subgid(5) gives the caller
 * @err:	Result of subid_find()
 * @range:	Filled if that is 0
 * @has_tool:	newuidmap(1) or newgidmap(1) is installed
 */
struct doctor_subids {
	int err;
	struct subid_range range;
	bool has_tool;
};

/** enum doctor_shared - What can guests do with cache=shared? */
enum doctor_shared {
	SHARED_UNKNOWN,	    /* the kernel or its modules cannot be read */
	SHARED_BY_MODULES,  /* look at the table, with Wherry's modules */
	SHARED_BY_KERNEL,   /* the same, with a kernel of Wherry's own */
	SHARED_NOT_MODULAR, /* nothing, and modules would not help */
	SHARED_NO_MODULES,  /* nothing */
};

/**
 * struct doctor_facts - What was found out, without judgement
 * @can_isolate: The caller needs no user namespace, and so no other ids
 * @user:	The caller's name, or its number
 * @kvm_err:	Result of kvm_init()
 * @kvm_why:	Its failure
 * @kvm_kind:	The module behind /dev/kvm
 * @kvm_is_stock:	It runs stock kernels
 * @kernel_err:	Result of hostkernel_find()
 * @stalls:	Version from hostkernel_stalls(), or empty
 * @kernel_why:	Its failure
 * @kernel:	The kernel that `wherry run` takes
 * @shared:	What it makes of cache=shared
 * @cache_err:	Can the cache directory be found and written?
 * @cache_dir:	Where it is, or would be
 * @isolation:	How far a sandbox gets
 * @userns_clone:	kernel.unprivileged_userns_clone; as all these numbers
 *		-1 if this kernel has no such thing
 * @userns_max:	user.max_user_namespaces
 * @userns_apparmor:	kernel.apparmor_restrict_unprivileged_userns
 * @uids:	Subordinate user ids
 * @gids:	Subordinate group ids
 * @seccomp_err:	Result of probe_seccomp()
 * @landlock:	Result of landlock_abi()
 * @cgroup_err:	Result of probe_cgroup()
 * @max_map_count:	vm.max_map_count
 * @files:	Limits of RLIMIT_NOFILE
 */
struct doctor_facts {
	bool can_isolate;
	char user[64];
	int kvm_err;
	struct fail kvm_why;
	const char *kvm_kind;
	bool kvm_is_stock;
	int kernel_err;
	char stalls[VERSION_TEXT_LEN];
	struct fail kernel_why;
	struct hostkernel kernel;
	enum doctor_shared shared;
	int cache_err;
	char cache_dir[PATH_MAX];
	struct probe_isolation isolation;
	int64_t userns_clone;
	int64_t userns_max;
	int64_t userns_apparmor;
	struct doctor_subids uids;
	struct doctor_subids gids;
	int seccomp_err;
	int landlock;
	int cgroup_err;
	int64_t max_map_count;
	struct rlimit files;
};

/** enum doctor_level - How bad it is */
enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN,	/* `wherry run` works, but something is lost */
	DOCTOR_MISSING, /* it does not work */
	DOCTOR_NUM_LEVELS,
};

/** struct doctor_line - What is said about one fact */
struct doctor_line {
	enum doctor_level level;
	const char *name;
	char text[2 * FAIL_TEXT_LEN];
};

enum { DOCTOR_NUM_LINES = 12 };

/**
 * doctor_judge() - Say what the facts mean
 * @facts:	All of them
 * @lines:	DOCTOR_NUM_LINES, filled; their names and order are always the
 *		same
 *
 * Return: the worst level
 */
enum doctor_level doctor_judge(const struct doctor_facts *facts,
			       struct doctor_line *lines);

#endif /* VMM_DOCTOR_H */
