/*
 * What init is to do: /spec of the initramfs, checked and taken apart.
 */
#include "boot/guest/plan.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "boot/guest/file.h"
#include "boot/guest/report.h"
#include "vmm/base/bits.h"

/* How often a key must and may occur. */
static const struct {
	size_t min_cnt;
	size_t max_cnt;
} occurrence[] = {
	[GUEST_SPEC_ROOT] = {1, 1},
	[GUEST_SPEC_READ_ONLY] = {0, 1}, /* absent: read-write */
	[GUEST_SPEC_OPTIONS] = {0, 1},	 /* absent: the kernel's own */
	[GUEST_SPEC_OVERLAY] = {0, 1},	 /* absent: the root itself */
	[GUEST_SPEC_VOLUME] = {0, GUEST_MAX_VOLUMES},
	[GUEST_SPEC_HOSTNAME] = {1, 1},
	[GUEST_SPEC_WORKDIR] = {1, 1},
	[GUEST_SPEC_TERMINAL] = {0, 1},	     /* absent: three pipes */
	[GUEST_SPEC_MODULE] = {0, SIZE_MAX}, /* all may be built in */
	[GUEST_SPEC_LATER] = {0, 1},	     /* absent: none */
	[GUEST_SPEC_ARG] = {1, SIZE_MAX},    /* the command itself */
	[GUEST_SPEC_ENV] = {0, SIZE_MAX},
	[GUEST_SPEC_USER] = {0, 1},  /* absent: root, as init */
	[GUEST_SPEC_GROUP] = {0, 1}, /* absent: what /etc/passwd says */
	[GUEST_SPEC_ADD_GROUP] = {0, SIZE_MAX},
	[GUEST_SPEC_RLIMIT] = {0, SIZE_MAX},
	[GUEST_SPEC_CAPS] = {0, 1},	/* absent: all */
	[GUEST_SPEC_PIDS] = {0, 1},	/* absent: as many as there can be */
	[GUEST_SPEC_TMP_SIZE] = {0, 1}, /* absent: /tmp is the root's */
	[GUEST_SPEC_SESSIONS] = {0, 1}, /* absent: one command only */
};
static_assert(ARRAY_SIZE(occurrence) == GUEST_NUM_SPEC_KEYS, "a row per key");

static const char *const spec_keys[GUEST_NUM_SPEC_KEYS] = GUEST_SPEC_KEYS;

static size_t count_strings(const char *bytes, size_t len)
{
	size_t cnt = 0;
	size_t i;

	for (i = 0; i < len; i++)
		cnt += !bytes[i];
	return cnt;
}

/* Appends to @next the values of all strings that begin with @key. */
static char **collect(char **next, const char *key, char *bytes, size_t len)
{
	size_t key_len = strlen(key);
	char *at;

	for (at = bytes; at < bytes + len; at += strlen(at) + 1)
		if (!strncmp(at, key, key_len))
			*next++ = at + key_len;
	*next++ = NULL;
	return next;
}

int plan_parse(struct plan *plan, char *bytes, size_t len)
{
	const size_t head_len = sizeof(GUEST_SPEC_HEADER);
	size_t string_cnt, cnt, known_cnt = 0;
	char **next;
	unsigned int key;

	*plan = (struct plan){.bytes = bytes};
	if (len < head_len || memcmp(bytes, GUEST_SPEC_HEADER, head_len) ||
	    bytes[len - 1])
		return -EINVAL;
	bytes += head_len;
	len -= head_len;
	string_cnt = count_strings(bytes, len);
	next = calloc(string_cnt + GUEST_NUM_SPEC_KEYS, sizeof(*next));
	if (!next)
		return -ENOMEM;
	plan->pointers = next;
	for (key = 0; key < GUEST_NUM_SPEC_KEYS; key++) {
		plan->list[key] = next;
		next = collect(next, spec_keys[key], bytes, len);
		cnt = (size_t)(next - plan->list[key]) - 1;
		if (cnt < occurrence[key].min_cnt ||
		    cnt > occurrence[key].max_cnt)
			return -EINVAL;
		known_cnt += cnt;
	}
	return known_cnt == string_cnt ? 0 : -EINVAL;
}

int plan_load(struct plan *plan, const char *path, struct guest_msg *why)
{
	char *bytes = NULL;
	size_t len = 0;
	int err;

	*plan = (struct plan){0};
	err = file_read(path, GUEST_SPEC_MAX_LEN, &bytes, &len);
	if (!err)
		err = plan_parse(plan, bytes, len);
	if (err)
		return report_fail(why, err, "initramfs: %s: %s", path,
				   strerror(-err));
	return 0;
}

void plan_destroy(struct plan *plan)
{
	free(plan->pointers);
	free(plan->bytes);
	*plan = (struct plan){0};
}
