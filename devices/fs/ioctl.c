/*
 * The few ioctls that act on a file of the host: flags and project of an inode
 * (ioctl_iflags(2)) and its fs-verity digest. All others, which might act on
 * anything, are ENOTTY.
 */
#include <errno.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <string.h>
#include <sys/ioctl.h>

#include "devices/fs/facts.h"
#include "devices/fs/ops.h"
#include "devices/fs/request.h"
#include "vmm/base/bits.h"

enum { DIGEST_MAX = 64 }; /* SHA-512 */

union ioctl_data {
	uint32_t flags;
	struct fsxattr attr;
	struct fsverity_digest digest;
	char bytes[sizeof(struct fsverity_digest) + DIGEST_MAX];
};

/* What passes, and how many bytes each way. FS_IOC_GETFLAGS and its like say
 * "long" in their numbers and mean 32 bits.
 */
static const struct row {
	unsigned int cmd;
	uint32_t in_len;
	uint32_t out_len;
	bool modifies;
} rows[] = {
	{FS_IOC_GETFLAGS, 0, sizeof(uint32_t), false},
	{FS_IOC_SETFLAGS, sizeof(uint32_t), 0, true},
	{FS_IOC_FSGETXATTR, 0, sizeof(struct fsxattr), false},
	{FS_IOC_FSSETXATTR, sizeof(struct fsxattr), 0, true},
	{FS_IOC_MEASURE_VERITY, sizeof(struct fsverity_digest),
	 sizeof(union ioctl_data), false},
};

static const struct row *find_row(uint32_t cmd)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].cmd == cmd)
			return &rows[i];
	}
	return NULL;
}

/* Bytes of the answer that mean something. */
static size_t answer_len(const struct row *row, const union ioctl_data *data)
{
	if (row->cmd == FS_IOC_MEASURE_VERITY)
		return sizeof(data->digest) + data->digest.digest_size;
	return row->out_len;
}

int fs_op_ioctl(struct fs_request *req)
{
	const struct fuse_ioctl_in *arg = req->arg;
	const struct row *row = find_row(arg->cmd);
	struct fuse_ioctl_out out = {0};
	union ioctl_data data = {0};
	size_t len;

	if (!row || arg->flags & ~FUSE_IOCTL_DIR)
		return -ENOTTY;
	if (row->modifies && req->fs->read_only)
		return -EROFS;
	if (arg->in_size < row->in_len || req->in->left < row->in_len)
		return -EINVAL;
	iov_take(req->in, &data, row->in_len);
	if (row->cmd == FS_IOC_MEASURE_VERITY)
		data.digest.digest_size =
			MIN(data.digest.digest_size, DIGEST_MAX);
	if (ioctl(req->handle->fd, row->cmd, &data) < 0)
		return -errno;
	if (row->modifies)
		facts_file_changed(req->fs, req->handle->inode);
	len = answer_len(row, &data);
	if (arg->out_size < len)
		return row->cmd == FS_IOC_MEASURE_VERITY ? -EOVERFLOW : -EINVAL;
	request_put(req, &out, sizeof(out));
	return request_put(req, &data, len);
}
