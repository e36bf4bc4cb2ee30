/*
 * The kernel modules that a guest needs before its root is mounted.
 */
#include "boot/modules.h"

#include <errno.h>
#include <libkmod.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "boot/kmodfile.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

static bool has_module(const struct modules *modules, const char *name)
{
	unsigned int i;

	for (i = 0; i < modules->cnt; i++)
		if (!strcmp(modules->module[i].name, name))
			return true;
	return false;
}

/* A module without a file is built into the kernel. */
static int add(struct modules *modules, struct kmod_module *mod,
	       struct fail *fail)
{
	const char *name = kmod_module_get_name(mod);
	const char *path = kmod_module_get_path(mod);
	struct module *module = &modules->module[modules->cnt];

	if (!path || has_module(modules, name))
		return 0;
	if (modules->cnt == MODULES_MAX_CNT || strlen(name) >= MODULES_NAME_LEN)
		return fail_set(fail, -E2BIG, "kernel module %s: %s", path,
				"too many dependencies");
	memcpy(module->name, name, strlen(name) + 1);
	modules->cnt++;
	return kmodfile_read(&module->elf, path, fail);
}

/* Dependencies come in the order in which they must be loaded. */
static int add_with_dependencies(struct modules *modules,
				 struct kmod_module *mod, struct fail *fail)
{
	struct kmod_list *deps = kmod_module_get_dependencies(mod);
	struct kmod_list *entry;
	struct kmod_module *dep;
	int err = 0;

	kmod_list_foreach(entry, deps)
	{
		dep = kmod_module_get_module(entry);
		err = add(modules, dep, fail);
		kmod_module_unref(dep);
		if (err)
			break;
	}
	kmod_module_unref_list(deps);
	return err ? err : add(modules, mod, fail);
}

static int collect_one(struct modules *modules, struct kmod_ctx *ctx,
		       const char *name, struct fail *fail)
{
	struct kmod_list *found = NULL;
	struct kmod_list *entry;
	struct kmod_module *mod;
	int err;

	err = kmod_module_new_from_lookup(ctx, name, &found);
	if (!found)
		return fail_set(fail, err < 0 ? err : -ENOENT,
				"kernel modules %s: no module '%s'; install "
				"the kernel's modules package or pass "
				"--modules DIR",
				kmod_get_dirname(ctx), name);
	kmod_list_foreach(entry, found)
	{
		mod = kmod_module_get_module(entry);
		err = add_with_dependencies(modules, mod, fail);
		kmod_module_unref(mod);
		if (err)
			break;
	}
	kmod_module_unref_list(found);
	return err;
}

/* libkmod does not tell a missing index from a missing module. */
static int check_dir(const char *dir, struct fail *fail)
{
	char index[PATH_MAX];

	if (access(dir, R_OK | X_OK))
		return fail_set(fail, -errno,
				"kernel modules %s: %s; install the kernel's "
				"modules package or pass --modules DIR",
				dir, strerror(errno));
	snprintf(index, sizeof(index), "%s/modules.dep.bin", dir);
	if (access(index, R_OK))
		return fail_set(fail, -errno,
				"kernel modules %s: modules.dep.bin: %s; run "
				"depmod for this kernel",
				dir, strerror(errno));
	return 0;
}

int modules_collect(struct modules *modules, const char *dir,
		    const char *const *wanted, struct fail *fail)
{
	const char *const no_config = NULL;
	struct kmod_ctx *ctx;
	int err;

	*modules = (struct modules){0};
	err = check_dir(dir, fail);
	if (err)
		return err;
	/* The host's modprobe.d is about the host's own kernel. */
	ctx = kmod_new(dir, &no_config);
	if (!ctx)
		return fail_set(fail, -ENOMEM, "kernel modules %s: %s", dir,
				strerror(ENOMEM));
	/* What went wrong is in @fail, not on stderr. */
	kmod_set_log_priority(ctx, LOG_EMERG);
	for (; *wanted && !err; wanted++)
		err = collect_one(modules, ctx, *wanted, fail);
	kmod_unref(ctx);
	return err;
}

void modules_destroy(struct modules *modules)
{
	unsigned int i;

	for (i = 0; i < modules->cnt; i++)
		bytes_destroy(&modules->module[i].elf);
	modules->cnt = 0;
}
