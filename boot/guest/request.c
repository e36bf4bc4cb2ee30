/*
 * What a session is to run: the machine's own plan, and what differs from it.
 *
 * Theory of operation: both are strings of the same kind. What the request
 * leaves to the machine is put in front of it, and the whole is parsed as any
 * plan is.
 */
#include "boot/guest/request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "boot/guest/plan.h"
#include "boot/guest/report.h"
#include "vmm/base/bits.h"

static const char *const spec_keys[GUEST_NUM_SPEC_KEYS] = GUEST_SPEC_KEYS;

/* What may be in a request. */
static const enum guest_spec_key own_keys[] = {
	GUEST_SPEC_ARG,	 GUEST_SPEC_ENV,   GUEST_SPEC_TERMINAL,
	GUEST_SPEC_USER, GUEST_SPEC_GROUP, GUEST_SPEC_WORKDIR,
};

/**
 * struct request - A request while it is read
 * @bytes:	Strings
 * @len:	Their length
 * @out:	The text that is made; NULL: it is measured
 * @out_len:	Bytes of it
 */
struct request {
	const char *bytes;
	size_t len;
	char *out;
	size_t out_len;
};

static void put(struct request *r, const void *bytes, size_t len)
{
	if (r->out)
		memcpy(r->out + r->out_len, bytes, len);
	r->out_len += len;
}

static bool begins(const char *string, enum guest_spec_key key)
{
	return !strncmp(string, spec_keys[key], strlen(spec_keys[key]));
}

/* Every string is one that a request may have. */
static bool is_valid(const struct request *r)
{
	const char *at = r->bytes;
	size_t i;

	if (!r->len || r->bytes[r->len - 1])
		return false;
	for (; at < r->bytes + r->len; at += strlen(at) + 1) {
		for (i = 0; i < ARRAY_SIZE(own_keys); i++)
			if (begins(at, own_keys[i]))
				break;
		if (i == ARRAY_SIZE(own_keys))
			return false;
	}
	return true;
}

/* Has it a string that begins with @key and then with @value? */
static bool has(const struct request *r, enum guest_spec_key key,
		const char *value, size_t value_len)
{
	size_t key_len = strlen(spec_keys[key]);
	const char *at = r->bytes;

	for (; at < r->bytes + r->len; at += strlen(at) + 1)
		if (begins(at, key) && !strncmp(at + key_len, value, value_len))
			return true;
	return false;
}

/* Does the machine's string count for the session? */
static bool is_inherited(const struct request *r, unsigned int key,
			 const char *value)
{
	bool own_user = has(r, GUEST_SPEC_USER, "", 0);

	switch (key) {
	case GUEST_SPEC_ARG:
	case GUEST_SPEC_TERMINAL:
		return false;
	case GUEST_SPEC_ENV:
		if (own_user && !strncmp(value, "HOME=", 5))
			return false;
		return !has(r, key, value, strcspn(value, "=") + 1);
	case GUEST_SPEC_GROUP:
	case GUEST_SPEC_ADD_GROUP:
		return !own_user;
	case GUEST_SPEC_USER:
	case GUEST_SPEC_WORKDIR:
		return !has(r, key, "", 0);
	default:
		return true;
	}
}

static void make(struct request *r, const struct plan *base)
{
	unsigned int key;
	char **value;

	r->out_len = 0;
	put(r, GUEST_SPEC_HEADER, sizeof(GUEST_SPEC_HEADER));
	for (key = 0; key < GUEST_NUM_SPEC_KEYS; key++) {
		for (value = base->list[key]; *value; value++) {
			if (!is_inherited(r, key, *value))
				continue;
			put(r, spec_keys[key], strlen(spec_keys[key]));
			put(r, *value, strlen(*value) + 1);
		}
	}
	put(r, r->bytes, r->len);
}

int request_parse(struct plan *plan, const struct plan *base, const char *bytes,
		  size_t len, struct guest_msg *why)
{
	struct request r = {.bytes = bytes, .len = len};
	int err = -EINVAL;

	*plan = (struct plan){0};
	if (is_valid(&r)) {
		make(&r, base);
		r.out = malloc(r.out_len);
		if (r.out)
			make(&r, base);
		err = r.out ? plan_parse(plan, r.out, r.out_len) : -ENOMEM;
	}
	return err ? report_fail(why, err, "request: %s", strerror(-err)) : 0;
}
