/*
 * The kernel modules that a guest needs before its root is mounted.
 */
#include "boot/modules.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "boot/kcache.h"
#include "boot/kmodfile.h"
#include "boot/kmodlib.h"
#include "boot/modcache.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

/**
 * struct search - A set of modules being put together
 * @modules:	What was found so far
 * @kmod:	libkmod
 * @ctx:	Its view of the kernel's directory
 * @fail:	Receives one line if something is wrong
 */
struct search {
	struct modules *modules;
	struct kmodlib kmod;
	struct kmod_ctx *ctx;
	struct fail *fail;
};

struct module *modules_find(struct modules *modules, const char *name)
{
	for (unsigned int i = 0; i < modules->cnt; i++)
		if (!strcmp(modules->module[i].name, name))
			return &modules->module[i];
	return NULL;
}

/* A module without a file is built into the kernel. */
static int add(struct search *s, struct kmod_module *mod)
{
	struct modules *modules = s->modules;
	const char *name = s->kmod.kmod_module_get_name(mod);
	const char *path = s->kmod.kmod_module_get_path(mod);
	struct module *module = &modules->module[modules->cnt];

	if (!path || modules_find(modules, name))
		return 0;
	if (modules->cnt == MODULES_MAX_CNT || strlen(name) >= MODULES_NAME_LEN)
		return fail_set(s->fail, -E2BIG, "kernel module %s: %s", path,
				"too many dependencies");
	memcpy(module->name, name, strlen(name) + 1);
	modules->cnt++;
	return kmodfile_read(&module->elf, path, s->fail);
}

/* Call @fn for each module of a list, then drop the list. */
static int for_each(struct search *s, struct kmod_list *list,
		    int (*fn)(struct search *s, struct kmod_module *mod))
{
	struct kmod_list *entry;
	struct kmod_module *mod;
	int err = 0;

	for (entry = list; entry && !err;
	     entry = s->kmod.kmod_list_next(list, entry)) {
		mod = s->kmod.kmod_module_get_module(entry);
		err = fn(s, mod);
		s->kmod.kmod_module_unref(mod);
	}
	s->kmod.kmod_module_unref_list(list);
	return err;
}

/* Dependencies come in the order in which they must be loaded. */
static int add_with_dependencies(struct search *s, struct kmod_module *mod)
{
	int err = for_each(s, s->kmod.kmod_module_get_dependencies(mod), add);

	return err ? err : add(s, mod);
}

static int collect_one(struct search *s, const char *name)
{
	struct kmod_list *found = NULL;
	bool may_miss = *name == *MODULES_MAY_MISS;
	int err;

	name += may_miss;
	err = s->kmod.kmod_module_new_from_lookup(s->ctx, name, &found);
	if (!found && may_miss)
		return 0;
	if (!found)
		return fail_set(s->fail, err < 0 ? err : -ENOENT,
				"kernel modules %s: no module '%s'; install "
				"the kernel's modules package or pass "
				"--modules DIR",
				s->kmod.kmod_get_dirname(s->ctx), name);
	return for_each(s, found, add_with_dependencies);
}

/* libkmod does not tell a missing index from a missing module. */
static int check_dir(const char *dir, struct stat *index_st, struct fail *fail)
{
	char index[PATH_MAX];

	if (access(dir, R_OK | X_OK))
		return fail_set(fail, -errno,
				"kernel modules %s: %s; install the kernel's "
				"modules package or pass --modules DIR",
				dir, strerror(errno));
	snprintf(index, sizeof(index), "%s/modules.dep.bin", dir);
	if (access(index, R_OK) || stat(index, index_st))
		return fail_set(fail, -errno,
				"kernel modules %s: modules.dep.bin: %s; run "
				"depmod for this kernel",
				dir, strerror(errno));
	return 0;
}

static int search_all(struct search *s, const char *dir,
		      const char *const *wanted)
{
	const char *const no_config = NULL;
	int err = 0;

	/* The host's modprobe.d is about the host's own kernel. */
	s->ctx = s->kmod.kmod_new(dir, &no_config);
	if (!s->ctx)
		return fail_set(s->fail, -ENOMEM, "kernel modules %s: %s", dir,
				strerror(ENOMEM));
	/* What went wrong is in @fail, not on stderr. */
	s->kmod.kmod_set_log_priority(s->ctx, LOG_EMERG);
	for (; *wanted && !err; wanted++)
		err = collect_one(s, *wanted);
	s->kmod.kmod_unref(s->ctx);
	return err;
}

static int collect(struct modules *modules, const char *dir,
		   const char *const *wanted, struct fail *fail)
{
	struct search s = {.modules = modules, .fail = fail};
	int err;

	*modules = (struct modules){0};
	err = kmodlib_load(&s.kmod);
	if (err)
		err = fail_set(fail, err,
			       "kernel modules %s: libkmod.so.2 cannot be "
			       "loaded; install libkmod2",
			       dir);
	else
		err = search_all(&s, dir, wanted);
	kmodlib_unload(&s.kmod);
	return err;
}

int modules_collect(struct modules *modules, const char *dir,
		    const char *const *wanted, const char *cache_dir,
		    struct fail *fail)
{
	struct kcache_key key;
	struct stat st;
	int err;

	*modules = (struct modules){0};
	err = check_dir(dir, &st, fail);
	if (err)
		return err;
	kcache_key_init(&key, &st);
	kcache_key_add(&key, dir);
	for (unsigned int i = 0; wanted[i]; i++)
		kcache_key_add(&key, wanted[i]);
	if (cache_dir && !modcache_get(modules, cache_dir, &key))
		return 0;
	err = collect(modules, dir, wanted, fail);
	/* A cache that cannot be written makes the next time slower, no more;
	 * if it is full, the kernel's entry is where that is told.
	 */
	if (!err && cache_dir)
		modcache_put(modules, cache_dir, &key);
	return err;
}

void modules_destroy(struct modules *modules)
{
	unsigned int i;

	for (i = 0; i < modules->cnt; i++)
		bytes_destroy(&modules->module[i].elf);
	if (modules->map)
		munmap(modules->map, modules->map_len);
	*modules = (struct modules){0};
}
