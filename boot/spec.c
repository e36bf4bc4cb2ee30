/*
 * What the guest's init is to do, as the bytes of its file /spec.
 */
#include "boot/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "boot/bytes.h"
#include "boot/guest/abi.h"
#include "boot/modules.h"

static const char *const spec_keys[GUEST_NUM_SPEC_KEYS] = GUEST_SPEC_KEYS;

static void put(struct bytes *out, enum guest_spec_key key, const char *value)
{
	bytes_append(out, spec_keys[key], strlen(spec_keys[key]));
	bytes_append(out, value, strlen(value) + 1);
}

static void put_optional(struct bytes *out, enum guest_spec_key key,
			 const char *value)
{
	if (value)
		put(out, key, value);
}

static void put_list(struct bytes *out, enum guest_spec_key key,
		     char *const *values)
{
	for (; values && *values; values++)
		put(out, key, *values);
}

static void put_rlimits(struct bytes *out, const struct guest_rlimit *limit)
{
	char text[80]; /* three numbers and a short name */

	for (; limit && limit->name; limit++) {
		snprintf(text, sizeof(text), "%d %" PRIu64 " %" PRIu64 " %s",
			 limit->resource, limit->soft, limit->hard,
			 limit->name);
		put(out, GUEST_SPEC_RLIMIT, text);
	}
}

static void put_volumes(struct bytes *out, const struct guest_volume *volume)
{
	char head[80]; /* a tag, three words */

	for (; volume && volume->tag; volume++) {
		snprintf(head, sizeof(head), "%s%.40s %s %s %.20s ",
			 spec_keys[GUEST_SPEC_VOLUME], volume->tag,
			 volume->read_only ? "ro" : "rw",
			 volume->is_file ? "file" : "dir",
			 volume->options ? volume->options : "-");
		bytes_append(out, head, strlen(head));
		bytes_append(out, volume->path, strlen(volume->path) + 1);
	}
}

static void put_number(struct bytes *out, enum guest_spec_key key,
		       uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	put(out, key, text);
}

static void put_modules(struct bytes *out, const struct modules *modules,
			const char *later)
{
	for (unsigned int i = 0; i < modules->cnt; i++) {
		const char *name = modules->module[i].name;
		bool is_later = later && !strcmp(name, later);

		put(out, is_later ? GUEST_SPEC_LATER : GUEST_SPEC_MODULE, name);
	}
}

int spec_encode(struct bytes *out, const struct guest_spec *spec,
		const struct modules *modules)
{
	size_t start = out->len;

	bytes_append(out, GUEST_SPEC_HEADER, sizeof(GUEST_SPEC_HEADER));
	put(out, GUEST_SPEC_ROOT, spec->root_tag);
	if (spec->root_is_read_only)
		put(out, GUEST_SPEC_READ_ONLY, "root");
	put_optional(out, GUEST_SPEC_OPTIONS, spec->root_options);
	put_optional(out, GUEST_SPEC_OVERLAY, spec->overlay);
	put_volumes(out, spec->volumes);
	put(out, GUEST_SPEC_HOSTNAME, spec->hostname);
	put(out, GUEST_SPEC_WORKDIR, spec->workdir);
	if (spec->terminal)
		put(out, GUEST_SPEC_TERMINAL, spec->terminal);
	put_modules(out, modules, spec->later);
	put_list(out, GUEST_SPEC_ARG, spec->argv);
	put_list(out, GUEST_SPEC_ENV, spec->envp);
	put_optional(out, GUEST_SPEC_USER, spec->user);
	put_optional(out, GUEST_SPEC_GROUP, spec->group);
	put_list(out, GUEST_SPEC_ADD_GROUP, spec->add_groups);
	put_rlimits(out, spec->rlimits);
	if (spec->dropped_caps)
		put_number(out, GUEST_SPEC_CAPS, ~spec->dropped_caps);
	if (spec->pids)
		put_number(out, GUEST_SPEC_PIDS, spec->pids);
	if (spec->tmp_size)
		put_number(out, GUEST_SPEC_TMP_SIZE, spec->tmp_size);
	if (spec->sessions)
		put(out, GUEST_SPEC_SESSIONS, "port");
	if (out->err)
		return out->err;
	return out->len - start <= GUEST_SPEC_MAX_LEN ? 0 : -E2BIG;
}
