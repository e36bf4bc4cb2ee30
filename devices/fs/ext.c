/*
 * What a guest may add to a request that makes a file.
 */
#include "devices/fs/ext.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "devices/fs/fuse_abi.h"
#include "devices/fs/request.h"
#include "vmm/base/fd.h"

/* The header's second number is a type, or the number of security contexts
 * where a guest knows nothing but those.
 */
static_assert(sizeof(struct fuse_secctx_header) ==
		      sizeof(struct fuse_ext_header),
	      "two views of one header");

/* What a security module's labels begin with */
#define SECURITY_PREFIX "security."

enum { GROUPS_MAX = 32 }; /* Linux sends one: that of the directory */

/* One security context: head, name with its NUL, value; and nothing else. */
static int take_label(struct fs_ext *ext, const char *data, size_t len)
{
	struct fuse_secctx head;
	const char *end;

	if (len < sizeof(head) || ext->label_name)
		return -EINVAL;
	memcpy(&head, data, sizeof(head));
	data += sizeof(head);
	len -= sizeof(head);
	end = memchr(data, '\0', len);
	if (!end || !head.size)
		return -EINVAL;
	/* Others are SETXATTR's, which translates the ids in some of them. */
	if (strncmp(data, SECURITY_PREFIX, strlen(SECURITY_PREFIX)) != 0)
		return -EINVAL;
	len -= end + 1 - data;
	/* The whole is padded to a multiple of eight. */
	if (head.size > len || len - head.size >= sizeof(uint64_t))
		return -EINVAL;
	ext->label_name = data;
	ext->label = end + 1;
	ext->label_len = head.size;
	return 0;
}

static int take_groups(struct fs_ext *ext, char *data, size_t len)
{
	struct fuse_supp_groups head;

	if (len < sizeof(head) || ext->group)
		return -EINVAL;
	memcpy(&head, data, sizeof(head));
	if (head.nr_groups > GROUPS_MAX ||
	    head.nr_groups > (len - sizeof(head)) / sizeof(uint32_t))
		return -EINVAL;
	ext->group = (void *)(data + sizeof(head));
	ext->group_cnt = head.nr_groups;
	return 0;
}

static int take_one(struct fs_ext *ext, uint32_t type, char *data, size_t len)
{
	if (type == 0)
		return 0;
	if (type == 1)
		return take_label(ext, data, len);
	if (type == FUSE_EXT_GROUPS)
		return take_groups(ext, data, len);
	return -EINVAL;
}

/* Translate the groups; one that the share forbids gives no rights. */
static void keep_groups(const struct idmap *map, struct fs_ext *ext)
{
	uint32_t cnt = ext->group_cnt;

	ext->group_cnt = 0;
	for (uint32_t i = 0; i < cnt; i++) {
		if (!idmap_to_host(map, ext->group[i],
				   &ext->group[ext->group_cnt]))
			ext->group_cnt++;
	}
}

int ext_take(struct fs_request *req, struct fs_ext *ext)
{
	char *data = req->worker->data;
	size_t left = req->in->left;
	int err = 0;

	*ext = (struct fs_ext){0};
	if (left > FS_DATA_LEN)
		return -EINVAL;
	iov_take(req->in, req->worker->data, left);
	while (!err && left) {
		struct fuse_ext_header head;

		if (left < sizeof(head))
			return -EINVAL;
		memcpy(&head, data, sizeof(head));
		if (head.size < sizeof(head) || head.size > left ||
		    head.size % sizeof(uint64_t))
			return -EINVAL;
		err = take_one(ext, head.type, data + sizeof(head),
			       head.size - sizeof(head));
		data += head.size;
		left -= head.size;
	}
	keep_groups(&req->fs->gid, ext);
	return err;
}

int ext_label(const struct fs_ext *ext, int fd)
{
	char path[FD_NAME_LEN];

	if (!ext->label_name)
		return 0;
	if (setxattr(fd_name(path, fd), ext->label_name, ext->label,
		     ext->label_len, 0) < 0)
		return -errno;
	return 0;
}
