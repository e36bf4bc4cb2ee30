/*
 * Facts that a guest may remember.
 *
 * Theory of operation: a version is read before the fact (VERSIONS.md, rule 2).
 * Of a name's file, it is not known which one that is before its attributes
 * were read. So the change count says whether anything has happened
 * meanwhile: then the version that is told was never
 * true, and the guest asks again.
 */
#include "devices/fs/facts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "devices/fs/cache.h"
#include "devices/fs/fileid.h"
#include "devices/fs/owner.h"
#include "devices/fs/request.h"
#include "devices/fs/versions.h"

static bool are_told(const struct fs_request *req)
{
	return request_agreed(req, FUSE_SHARED_VERSIONS);
}

void facts_of_name(const struct fs_request *req, struct inode *dir,
		   const char *name, struct facts *facts)
{
	const struct versions *v = req->fs->versions;

	*facts = (struct facts){0};
	if (!are_told(req))
		return;
	facts->change_cnt = versions_changes(v);
	if (name)
		facts->out.entry_index = versions_entry(v, dir->key, name);
	facts->out.entry_version = versions_read(v, facts->out.entry_index);
}

static void read_version(const struct fs_request *req,
			 const struct inode *inode, struct fuse_versions *out)
{
	const struct versions *v = req->fs->versions;

	out->attr_index = versions_attr(v, inode->key);
	out->attr_version = versions_read(v, out->attr_index);
}

void facts_of_file(const struct fs_request *req, struct inode *inode,
		   struct fuse_versions *out)
{
	*out = (struct fuse_versions){0};
	if (are_told(req))
		read_version(req, inode, out);
}

/* The file that was just looked up. */
static void complete_file(const struct fs_request *req, struct facts *facts,
			  uint64_t node_id)
{
	struct inode_table *inodes = &req->fs->inodes;
	struct inode *inode;

	/* A guest that forgets it at once wants no version of it. */
	if (!are_told(req) || inode_get(inodes, node_id, &inode))
		return;
	read_version(req, inode, &facts->out);
	if (versions_changes(req->fs->versions) != facts->change_cnt)
		facts->out.attr_version--;
	inode_put(inodes, inode);
}

void facts_complete(const struct fs_request *req, struct facts *facts,
		    struct fuse_entry_out *entry)
{
	entry->entry_valid = facts_valid_s(req, facts->out.entry_index);
	if (!entry->nodeid)
		return;
	complete_file(req, facts, entry->nodeid);
	entry->attr_valid = facts_valid_s(req, facts->out.attr_index);
}

uint32_t facts_valid_s(const struct fs_request *req, uint32_t idx)
{
	return idx ? CACHE_LONG_S : cache_mode(req->fs)->valid_s;
}

int facts_put(struct fs_request *req, const struct fuse_versions *out)
{
	return are_told(req) ? request_put(req, out, sizeof(*out)) : 0;
}

void facts_file_changed(const struct fs *fs, const struct inode *inode)
{
	facts_key_changed(fs, inode->key);
}

void facts_name_changed(const struct fs *fs, const struct inode *dir,
			const char *name)
{
	if (!fs->versions)
		return;
	versions_bump(fs->versions,
		      versions_entry(fs->versions, dir->key, name));
	facts_key_changed(fs, dir->key);
}

uint64_t facts_key_of(const struct fs *fs, const struct inode *dir,
		      const char *name)
{
	struct fileid id;
	struct statx stx;

	if (!fs->versions ||
	    statx(dir->fd, name, AT_SYMLINK_NOFOLLOW, FS_STATX_MASK, &stx) ||
	    fileid_read(&id, dir->fd, name, &stx))
		return 0;
	return fileid_key(&id, fs->versions);
}

void facts_key_changed(const struct fs *fs, uint64_t key)
{
	if (fs->versions)
		versions_bump(fs->versions, versions_attr(fs->versions, key));
}
