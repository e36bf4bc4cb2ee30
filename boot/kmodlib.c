/*
 * libkmod, loaded when it is needed.
 */
#include "boot/kmodlib.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* ISO C has no cast from an object's address to a function's; POSIX says that
 * the bytes are the same.
 */
static int find(void *handle, const char *name, void *function)
{
	void *found = dlsym(handle, name);

	if (!found)
		return -ENOENT;
	memcpy(function, &found, sizeof(found));
	return 0;
}

int kmodlib_load(struct kmodlib *lib)
{
	int err = 0;

	*lib = (struct kmodlib){
		.handle = dlopen("libkmod.so.2", RTLD_NOW | RTLD_LOCAL),
	};
	if (!lib->handle)
		return -ENOENT;
#define X(name) err = err ? err : find(lib->handle, #name, &lib->name);
	KMODLIB_FUNCTIONS(X)
#undef X
	return err;
}

void kmodlib_unload(struct kmodlib *lib)
{
	if (lib->handle)
		dlclose(lib->handle);
	lib->handle = NULL;
}
