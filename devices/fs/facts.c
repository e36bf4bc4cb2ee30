/*
 * Facts that a guest may remember.
 *
 * Theory of operation: a version is read before the fact (VERSIONS.md, rule 2).
 * Of a name's file, it is not known which one that is before its attributes
 * were read. So the change count says whether anything has happened
 * meanwhile: then the version that is told was never
 * true, and the guest asks again. A file that has no mark yet (marks.h) is
 * looked at once more when it has one.
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

static bool mark(const struct fs_request *req, struct inode *inode)
{
	const struct marks_file file = {
		.proc_fd = req->fs->proc_fd,
		.fd = inode->fd,
		.dev = inode->dev,
		.type = inode->type,
		.key = inode->key,
		.known_cnt = inode_cnt(&req->fs->inodes),
	};

	return marks_set(&req->fs->marks, &file, &inode->mark_age);
}

/* The version of a counter that counts for an inode: none without its mark. */
static uint64_t read_version(const struct fs_request *req, struct inode *inode,
			     uint32_t *idx)
{
	struct marks *marks = &req->fs->marks;
	uint64_t version;

	if (!marks_are(marks, &inode->mark_age) && !mark(req, inode))
		*idx = 0;
	if (!*idx)
		return 0;
	version = versions_read(req->fs->versions, *idx);
	/* If the mark goes, the epoch grows, but maybe before it was read. */
	return marks_are(marks, &inode->mark_age) ? version : version - 1;
}

void facts_of_name(const struct fs_request *req, struct inode *dir,
		   const char *name, struct facts *facts)
{
	const struct versions *v = req->fs->versions;

	*facts = (struct facts){0};
	if (!are_told(req))
		return;
	if (name)
		facts->out.entry_index = versions_entry(v, dir->key, name);
	facts->out.entry_version =
		read_version(req, dir, &facts->out.entry_index);
	facts->change_cnt = versions_changes(v);
	facts->mark_cnt = atomic_load(&req->fs->marks.set_cnt);
}

void facts_of_file(const struct fs_request *req, struct inode *inode,
		   struct fuse_versions *out)
{
	*out = (struct fuse_versions){0};
	if (!are_told(req))
		return;
	out->attr_index = versions_attr(req->fs->versions, inode->key);
	out->attr_version = read_version(req, inode, &out->attr_index);
}

/* Was nothing changed or marked since facts_of_name()? */
static bool is_quiet(const struct fs_request *req, const struct facts *facts)
{
	return versions_changes(req->fs->versions) == facts->change_cnt &&
	       atomic_load(&req->fs->marks.set_cnt) == facts->mark_cnt;
}

static int look_again(const struct fs_request *req, const struct inode *inode,
		      struct fuse_entry_out *entry)
{
	uint32_t submount = entry->attr.flags & FUSE_ATTR_SUBMOUNT;
	struct statx stx;
	int err = owner_stat(req, inode->fd, "", STATX_BASIC_STATS, &stx);

	if (err)
		return err;
	request_fill_attr(req, &stx, &entry->attr);
	entry->attr.flags |= submount;
	request_told(req, entry->nodeid, &entry->attr);
	return 0;
}

/* The file that was just looked up. */
static void complete_file(const struct fs_request *req, struct facts *facts,
			  struct fuse_entry_out *entry)
{
	struct inode_table *inodes = &req->fs->inodes;
	struct fuse_versions file;
	struct inode *inode;
	bool marked;

	/* A guest that forgets it at once wants no version of it. */
	if (!are_told(req) || inode_get(inodes, entry->nodeid, &inode))
		return;
	marked = marks_recall(&req->fs->marks, inode->dev, inode->key,
			      &inode->mark_age);
	facts_of_file(req, inode, &file);
	if (marked && !is_quiet(req, facts))
		file.attr_version--;
	if (!marked && file.attr_index && look_again(req, inode, entry))
		file.attr_index = 0;
	inode_put(inodes, inode);
	facts->out.attr_index = file.attr_index;
	facts->out.attr_version = file.attr_version;
}

void facts_complete(const struct fs_request *req, struct facts *facts,
		    struct fuse_entry_out *entry)
{
	entry->entry_valid = facts_valid_s(req, facts->out.entry_index);
	if (!entry->nodeid)
		return;
	complete_file(req, facts, entry);
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

uint32_t facts_file_counter(const struct fs *fs, const struct inode *inode)
{
	return fs->versions ? versions_attr(fs->versions, inode->key) : 0;
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
