/*
 * Shares as the user writes them: HOST:TAG[:OPTION...].
 */
#include "vmm/share.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "boot/guest/abi.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/guestmem.h"
#include "vmm/base/parse.h"
#include "vmm/config.h"
#include "vmm/idrules.h"
#include "vmm/machine.h"
#include "vmm/owner.h"
#include "vmm/sandbox/kernelfs.h"
#include "vmm/sandbox/sandbox.h"

/* The order of enum fs_cache. */
static const char *const cache_names[] = {"none", "auto", "always", "shared"};
static_assert(ARRAY_SIZE(cache_names) == FS_NUM_CACHES, "a name for each");

static_assert(SANDBOX_MAX_DIRS == CONFIG_MAX_SHARES + 1, "and the root");

/* Index of a word in a list, or -1. */
static int find_word(const char *const *list, size_t cnt, const char *word)
{
	for (size_t i = 0; i < cnt; i++) {
		if (!strcmp(list[i], word))
			return (int)i;
	}
	return -1;
}

/* An option's function stores *@value: NULL, or what is wrong with it. It may
 * cut it up and leave it at the part that is wrong.
 */
typedef const char *store_fn(struct fs_config *fs, char **value);

static const char UNKNOWN[] = "unknown value";

static const char *store_read_only(struct fs_config *fs, char **value)
{
	(void)value;
	fs->read_only = true;
	return NULL;
}

static const char *store_writeback(struct fs_config *fs, char **value)
{
	(void)value;
	fs->writeback = true;
	return NULL;
}

static const char *store_cache(struct fs_config *fs, char **value)
{
	int cache = find_word(cache_names, ARRAY_SIZE(cache_names), *value);

	if (cache < 0)
		return UNKNOWN;
	fs->cache = cache;
	return NULL;
}

static const char *store_handles(struct fs_config *fs, char **value)
{
	(void)value;
	fs->handles = true;
	return NULL;
}

static const char *store_locks(struct fs_config *fs, char **value)
{
	static const char *const names[] = {"host", "local"};
	int local = find_word(names, ARRAY_SIZE(names), *value);

	fs->local_locks = local > 0;
	return local < 0 ? UNKNOWN : NULL;
}

static const char *store_uid(struct fs_config *fs, char **value)
{
	return idrules_parse(&fs->uid, value);
}

static const char *store_gid(struct fs_config *fs, char **value)
{
	return idrules_parse(&fs->gid, value);
}

static const char *store_dax(struct fs_config *fs, char **value)
{
	uint64_t len;

	if (!strcmp(*value, "off")) {
		fs->dax_len = 0;
		return NULL;
	}
	if (parse_size(*value, &len))
		return UNKNOWN;
	if (!len || len > SHARE_DAX_MAX || len % GUESTMEM_WINDOW_UNIT)
		return "not a multiple of 2M up to 1024G; write e.g. "
		       "dax=512M, or dax=off";
	fs->dax_len = len;
	return NULL;
}

static const char *store_dax_min(struct fs_config *fs, char **value)
{
	return parse_size(*value, &fs->dax_min) ? UNKNOWN : NULL;
}

enum option_id {
	RO,
	CACHE,
	WRITEBACK,
	LOCKS,
	UID,
	GID,
	DAX,
	DAX_MIN,
	HANDLES,
	NUM_OPTIONS,
};

/* A row without @values is a switch. */
static const struct option_row {
	const char *name;
	const char *values;
	store_fn *store;
	const char *help;
} rows[] = {
	[RO] = {"ro", NULL, store_read_only, "refuse every change"},
	[CACHE] = {"cache", "none|auto|always|shared", store_cache,
		   "how long the guest may believe what it read: not at all, "
		   "a second (auto), for ever, or until somebody changes it "
		   "(shared, if the guest's kernel knows how)"},
	[WRITEBACK] = {"writeback", NULL, store_writeback,
		       "the guest may collect writes before the host sees "
		       "them; not with cache=none or shared"},
	[LOCKS] = {"locks", "host|local", store_locks,
		   "who sees locks of files: everybody (host), or the guest "
		   "alone (local, and with cache=always or shared)"},
	[UID] = {"uid", "RULE[+RULE...]", store_uid,
		 "translate user ids; rules are " IDRULES_FORMS},
	[GID] = {"gid", "RULE[+RULE...]", store_gid,
		 "translate group ids by the same rules"},
	[DAX] = {"dax", "SIZE|off", store_dax,
		 "length of the window through which the guest sees files "
		 "without a copy in its RAM (root: as long as RAM, up to 1G; "
		 "others: off)"},
	[DAX_MIN] = {"dax-min", "SIZE", store_dax_min,
		     "smaller files are not shown there (64K)"},
	[HANDLES] = {"handles", NULL, store_handles,
		     "find files again that the host has moved meanwhile; root "
		     "only, and a broken monitor could then reach all files of "
		     "the file system"},
};
static_assert(ARRAY_SIZE(rows) == NUM_OPTIONS, "a row for each");

bool share_closes_files(const struct fs_config *fs)
{
	return fs->cache != FS_CACHE_ALWAYS || !fs->local_locks;
}

uint64_t share_default_dax(const struct fs_config *fs, uint64_t ram_len,
			   bool stalls)
{
	if (stalls && share_closes_files(fs))
		return 0;
	return align_down(MIN(ram_len, GIB(1)), GUESTMEM_WINDOW_UNIT);
}

bool share_option(unsigned int idx, struct option_words *words)
{
	if (idx >= ARRAY_SIZE(rows))
		return false;
	*words = (struct option_words){
		.name = rows[idx].name,
		.arg = rows[idx].values,
		.help = rows[idx].help,
	};
	return true;
}

void share_print_options(FILE *to)
{
	char left[32];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(left, sizeof(left), "%s%s%s", rows[i].name,
			 rows[i].values ? "=" : "",
			 rows[i].values ? rows[i].values : "");
		fprintf(to, "  %-24s %s\n", left, rows[i].help);
	}
}

static int fail_unknown(struct fail *fail, const char *noun, const char *name)
{
	char known[256];
	int len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		len += snprintf(known + len, sizeof(known) - len, "%s%s%s",
				i ? ", " : "", rows[i].name,
				rows[i].values ? "=" : "");
	return fail_set(fail, -EINVAL,
			"%s: option %.40s: unknown; known are %s", noun, name,
			known);
}

static int find_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!strcmp(rows[i].name, name))
			return (int)i;
	}
	return -1;
}

/* Store one option; @given are those that came before, as bits. */
static int store(struct fs_config *fs, const char *noun, char *value,
		 unsigned int *given, struct fail *fail)
{
	const char *name = strsep(&value, "="); /* leaves what follows it */
	int idx = find_row(name);
	const struct option_row *row;
	const char *why;

	if (idx < 0)
		return fail_unknown(fail, noun, name);
	row = &rows[idx];
	if (*given & BIT(idx))
		return fail_set(fail, -EINVAL,
				"%s: option %s: given twice; leave one out",
				noun, name);
	if (value && !row->values)
		return fail_set(fail, -EINVAL,
				"%s: option %s: takes no value; write just %s",
				noun, name, name);
	if (!value && row->values)
		return fail_set(fail, -EINVAL,
				"%s: option %s: needs a value; write %s=%s",
				noun, name, name, row->values);
	why = row->store(fs, &value);
	if (why == UNKNOWN)
		return fail_set(fail, -EINVAL,
				"%s: option %s=%.40s: %s; write %s=%s", noun,
				name, value, why, name, row->values);
	if (why)
		return fail_set(fail, -EINVAL, "%s: option %s: %.60s: %s", noun,
				name, value, why);
	*given |= BIT(idx);
	return 0;
}

int share_parse_options(struct fs_config *fs, const char *noun, char *text,
			struct fail *fail)
{
	unsigned int given = 0;
	int err = 0;

	*fs = SHARE_DEFAULTS;
	while (!err && text) {
		char *option = strsep(&text, ":");

		err = store(fs, noun, option, &given, fail);
	}
	if (err)
		return err;
	if (fs->writeback && fs->cache == FS_CACHE_NONE)
		return fail_set(fail, -EINVAL,
				"%s: option writeback: there is nothing to "
				"collect writes in with cache=none; leave one "
				"of the two out",
				noun);
	if (fs->writeback && fs->cache == FS_CACHE_SHARED)
		return fail_set(fail, -EINVAL,
				"%s: option writeback: what is written is to "
				"be seen by others at once with cache=shared; "
				"leave one of the two out",
				noun);
	/* Nobody else changes that tree: there is nobody else to lock out. Or
	 * to open a file is to cost no message.
	 */
	if (!(given & BIT(LOCKS)))
		fs->local_locks = fs->cache == FS_CACHE_ALWAYS ||
				  fs->cache == FS_CACHE_SHARED;
	return 0;
}

static int check_tag(const struct config *config, const char *tag,
		     struct fail *fail)
{
	bool is_taken =
		config->command == CONFIG_RUN && !strcmp(tag, CONFIG_ROOT_TAG);

	is_taken |= !strncmp(tag, CONFIG_OWN_TAGS, strlen(CONFIG_OWN_TAGS));
	if (strlen(tag) > VIRTIO_FS_TAG_LEN)
		return fail_set(fail, -EINVAL,
				"--share TAG %.60s: longer than %d bytes; give "
				"a shorter one",
				tag, VIRTIO_FS_TAG_LEN);
	for (unsigned int i = 0; i < config->share_cnt; i++)
		is_taken |= !strcmp(tag, config->share[i].tag);
	if (is_taken)
		return fail_set(
			fail, -EINVAL,
			"--share TAG %s: taken by another share%s; "
			"give a different one",
			tag, strcmp(tag, CONFIG_ROOT_TAG) ? "" : " or ROOTFS");
	return 0;
}

int share_parse_form(struct config *config, const struct share_form *form,
		     char *text, struct fail *fail)
{
	struct config_share *share = &config->share[config->share_cnt];
	const char *colon = strchr(text, ':');
	char noun[256];
	char *second;
	int err;

	if (config->share_cnt == CONFIG_MAX_SHARES)
		return fail_set(fail, -EINVAL,
				"%s %s: more than %d shares; leave some out",
				form->option, text, CONFIG_MAX_SHARES);
	if (!colon || colon == text || !colon[1] || colon[1] == ':')
		return fail_set(fail, -EINVAL,
				"%s %s: not a share; write HOST:%s[:OPTION...],"
				" without ':' in HOST",
				form->option, text, form->second);
	*share = (struct config_share){.option = form->option};
	share->dir = strsep(&text, ":");
	second = strsep(&text, ":");
	err = form->take(config, share, second, fail);
	if (err)
		return err;
	snprintf(noun, sizeof(noun), "%s %.200s:%s", form->option, share->dir,
		 second);
	err = share_parse_options(&share->fs, noun, text, fail);
	if (err)
		return err;
	if (share->fs.dax_len == SHARE_DAX_DEFAULT)
		share->fs.dax_len = 0;
	config->share_cnt++;
	return 0;
}

static int take_tag(struct config *config, struct config_share *share,
		    char *tag, struct fail *fail)
{
	share->tag = tag;
	return check_tag(config, tag, fail);
}

int share_parse(struct config *config, char *text, struct fail *fail)
{
	static const struct share_form form = {"--share", "TAG", take_tag};

	return share_parse_form(config, &form, text, fail);
}

static int take_dir(struct sandbox *sb, const struct config_share *share,
		    struct fs_config *fs, int fd, struct fail *fail)
{
	if (fs->only)
		fs->root_fd = sandbox_open_file(sb, fd, fs->only, fs->read_only,
						fs->handles);
	else
		fs->root_fd =
			sandbox_open_dir(sb, fd, fs->read_only, fs->handles);
	if (fs->root_fd == -ENOTSUP)
		return fail_set(fail, -ENOTSUP,
				"%s HOST %s: a single file, which takes the "
				"sandbox; leave --no-sandbox out, or give its "
				"directory",
				share->option, share->dir);
	if (fs->root_fd < 0)
		return fail_set(fail, fs->root_fd,
				"share %s: a mount of its own for %s: %s; "
				"--no-sandbox does without",
				share->tag, share->dir, strerror(-fs->root_fd));
	return 0;
}

int share_add(struct machine *m, struct sandbox *sb,
	      const struct config_share *share, int fd, struct fail *fail)
{
	struct fs_config fs = share->fs;
	int err;

	if (fs.handles && sandbox_ids(sb).ids != USERNS_HOST)
		return fail_set(fail, -EPERM,
				"share %s: option handles: only root may find "
				"files by handles; leave it out",
				share->tag);
	err = take_dir(sb, share, &fs, fd, fail);
	if (err)
		return err;
	fs.proc_fd = sb->proc_fd;
	owner_apply(&fs, share->owner, sb);
	err = machine_add_share(m, share->tag, &fs, fail);
	if (err == -EOPNOTSUPP && fs.owner == FS_OWNER_XATTR)
		return fail_set(fail, err,
				"share %s: the file system of %s keeps no "
				"attributes for users; give --owner squash, or "
				"subordinate ids to the user (subuid(5))",
				share->tag, share->dir);
	return err;
}

/* The guest could do with the host's kernel what we can. A place where what is
 * there is mounted as soon as it is used (autofs) is no such interface.
 */
static int refuse_interface(const struct config_share *share, int fd,
			    struct fail *fail)
{
	const char *type;
	int err = kernelfs_holds("/proc/self/mountinfo", fd, &type);

	if (err)
		return fail_set(fail, err, "%s HOST %s: its file system: %s",
				share->option, share->dir, strerror(-err));
	if (type && strcmp(type, "autofs") != 0)
		return fail_set(fail, -EPERM,
				"%s HOST %s: an interface of the host's kernel "
				"(%s), which is not shared; give a copy",
				share->option, share->dir, type);
	return 0;
}

/* Volumes may be files; what is neither file nor directory is nobody's. */
static int open_host(struct config_share *share, struct fail *fail)
{
	int flags = share->mount ? 0 : O_DIRECTORY;
	autofd fd = open(share->dir, O_PATH | O_CLOEXEC | flags);
	struct stat st;
	int err = 0;

	if (fd < 0 || fstat(fd, &st))
		err = -errno;
	else if (S_ISREG(st.st_mode))
		share->fs.only = GUEST_VOLUME_FILE;
	else if (!S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	if (!err && share->fs.only && share->fs.handles)
		return fail_set(fail, -EINVAL,
				"%s HOST %s: option handles: of no use for a "
				"single file; leave it out",
				share->option, share->dir);
	if (err)
		return fail_set(fail, err, "%s HOST %s: %s; give a directory%s",
				share->option, share->dir, strerror(-err),
				share->mount ? " or a regular file" : "");
	err = refuse_interface(share, fd, fail);
	return err ? err : fd_take(&fd);
}

int share_add_all(struct machine *m, struct sandbox *sb,
		  const struct config *config, struct fail *fail)
{
	int files = 0;

	for (unsigned int i = 0; i < config->share_cnt; i++) {
		struct config_share share = config->share[i];
		autofd fd = open_host(&share, fail);
		int err = fd;

		if (fd >= 0)
			err = share_add(m, sb, &share, fd, fail);
		if (err < 0)
			return err;
		if (share.fs.only)
			files |= 1 << i;
	}
	return files;
}
