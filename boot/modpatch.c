/*
 * Wherry's own builds of the guest's file system modules.
 */
#include "boot/modpatch.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot/kmodfile.h"
#include "boot/modules.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"

/* They use each other's structures: both are exchanged, or none. */
static const char *const names[] = {"fuse", "virtiofs"};

/* The string of .modinfo, "VERSION SMP ..."; NULL if there is none. */
static const char *vermagic(const struct bytes *elf)
{
	static const char key[] = "\0vermagic=";
	const char *end = elf->data + elf->len;
	const char *at = memmem(elf->data, elf->len, key, sizeof(key) - 1);

	if (!at)
		return NULL;
	at += sizeof(key) - 1;
	return memchr(at, '\0', (size_t)(end - at)) ? at : NULL;
}

static bool read_patched(struct bytes *elf, const struct module *stock,
			 const char *dir)
{
	const char *wanted = vermagic(&stock->elf), *got;
	char path[PATH_MAX];
	struct fail fail = {0};

	if (!wanted || strchr(". /", wanted[0]) ||
	    snprintf(path, sizeof(path), "%s/%.*s/%s.ko", dir,
		     (int)strcspn(wanted, " /"), wanted,
		     stock->name) >= (int)sizeof(path) ||
	    kmodfile_read(elf, path, &fail))
		return false;
	got = vermagic(elf);
	return got && !strcmp(got, wanted);
}

bool modpatch_use(struct modules *modules, const char *dir)
{
	struct bytes patched[ARRAY_SIZE(names)] = {0};
	struct module *stock[ARRAY_SIZE(names)];
	bool found = true;

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		stock[i] = modules_find(modules, names[i]);
		found = found && stock[i] &&
			read_patched(&patched[i], stock[i], dir);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (found) {
			bytes_destroy(&stock[i]->elf);
			stock[i]->elf = patched[i];
		} else {
			bytes_destroy(&patched[i]);
		}
	}
	return found;
}

bool modpatch_use_installed(struct modules *modules)
{
	static const char *const places[] = {"../lib/wherry/modules",
					     "guest-modules"};
	char exe[PATH_MAX], dir[PATH_MAX + 32];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	bool found = false;

	if (len <= 0)
		return false;
	exe[len] = '\0';
	*strrchr(exe, '/') = '\0';
	for (unsigned int i = 0; i < ARRAY_SIZE(places) && !found; i++) {
		snprintf(dir, sizeof(dir), "%s/%s", exe, places[i]);
		found = modpatch_use(modules, dir);
	}
	return found;
}
