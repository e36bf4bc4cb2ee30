/*
 * What init is to do: /spec of the initramfs, checked and taken apart.
 */
#include "boot/guest/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	[GUEST_SPEC_HOSTNAME] = {1, 1},
	[GUEST_SPEC_WORKDIR] = {1, 1},
	[GUEST_SPEC_MODULE] = {0, SIZE_MAX}, /* all may be built in */
	[GUEST_SPEC_ARG] = {1, SIZE_MAX},    /* the command itself */
	[GUEST_SPEC_ENV] = {0, SIZE_MAX},
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

/* Reads all of a file; fails for one that is larger than a /spec can be. */
static int read_all(int fd, char **bytes, size_t *len)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size > GUEST_SPEC_MAX_LEN)
		return -EFBIG;
	*len = st.st_size;
	*bytes = malloc(*len + 1);
	if (!*bytes)
		return -ENOMEM;
	if (read(fd, *bytes, *len) != (ssize_t)*len) {
		free(*bytes);
		return -EIO;
	}
	return 0;
}

int plan_load(struct plan *plan, const char *path, struct guest_msg *why)
{
	char *bytes = NULL;
	size_t len = 0;
	int fd, err;

	*plan = (struct plan){0};
	fd = open(path, O_RDONLY | O_CLOEXEC);
	err = fd < 0 ? -errno : read_all(fd, &bytes, &len);
	if (fd >= 0)
		close(fd);
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
