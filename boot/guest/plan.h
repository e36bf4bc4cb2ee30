/*
 * What init is to do: /spec of the initramfs, checked and taken apart.
 */
#ifndef BOOT_GUEST_PLAN_H
#define BOOT_GUEST_PLAN_H

#include <stddef.h>

#include "boot/guest/abi.h"

/**
 * struct plan - A parsed /spec
 * @list:	For each key its values in order, ending with NULL
 * @pointers:	Storage of all lists [owned]
 * @bytes:	Storage of all values [owned]
 */
struct plan {
	char **list[GUEST_NUM_SPEC_KEYS];
	char **pointers;
	char *bytes;
};

/**
 * plan_parse() - Take a specification apart
 * @plan:	Filled; to be destroyed whatever the result
 * @bytes:	The specification, malloc()ed; @plan owns it from now on
 * @len:	Its length
 *
 * Return: 0, -EINVAL if it is malformed, or -ENOMEM
 */
int plan_parse(struct plan *plan, char *bytes, size_t len);

/**
 * plan_load() - Read and parse a file
 * @plan:	Filled; to be destroyed whatever the result
 * @path:	The file
 * @why:	Set on failure
 *
 * Return: 0 or a negative errno
 */
int plan_load(struct plan *plan, const char *path, struct guest_msg *why);

/** plan_destroy() - Release a plan, half-built or not */
void plan_destroy(struct plan *plan);

/** plan_value() - The only value of a key, NULL if an optional one is absent */
static inline const char *plan_value(const struct plan *plan,
				     enum guest_spec_key key)
{
	return plan->list[key][0];
}

#endif /* BOOT_GUEST_PLAN_H */
