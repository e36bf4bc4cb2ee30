/*
 * Changes by others on the host.
 */
#include "devices/fs/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "devices/fs/fstype.h"
#include "devices/fs/versions.h"
#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

/* What changes names, and what changes files. */
#define NAMES (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)
#define SELF (FAN_ATTRIB | FAN_DELETE_SELF | FAN_MOVE_SELF)

enum {
	EVENTS_LEN = 8192,
	READS = 16, /* before others have their turn */
	WAYS = 4,   /* places that are looked at for a remembered key */
};

void marks_init(struct marks *m, const struct versions *versions, bool hear_own)
{
	*m = (struct marks){
		.fd = -1,
		.pid = getpid(),
		.hear_own = hear_own,
		.versions = versions,
		.age = 1,
	};
	pthread_mutex_init(&m->lock, NULL);
}

void marks_start(struct marks *m, int root_fd)
{
	struct statfs fs;
	struct stat st;

	if (!m->versions || fstatfs(root_fd, &fs) || fstat(root_fd, &st) ||
	    fstype_is_remote((uint32_t)fs.f_type) ||
	    fstype_folds_names((uint32_t)fs.f_type))
		return;
	m->dev = st.st_dev;
	m->recent = calloc(MARKS_RECENT, sizeof(*m->recent));
	if (!m->recent)
		return;
	m->fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID |
				      FAN_REPORT_DFID_NAME | FAN_CLOEXEC |
				      FAN_NONBLOCK,
			      O_RDONLY);
}

void marks_destroy(struct marks *m)
{
	fd_close(&m->fd);
	free(m->recent);
	m->recent = NULL;
}

static int put_mark(const struct marks *m, const struct marks_file *file)
{
	uint64_t mask = S_ISDIR(file->type) ? FAN_ONDIR | NAMES | SELF
					    : FAN_MODIFY | SELF;
	char name[FD_NAME_LEN];

	fd_name(name, file->fd);
	return fanotify_mark(m->fd, FAN_MARK_ADD, mask, file->proc_fd, name) < 0
		       ? -errno
		       : 0;
}

bool marks_are(const struct marks *m, const _Atomic uint32_t *age)
{
	return atomic_load(age) == atomic_load(&m->age);
}

/* First the marks grow old, then they go, then what was told with them does:
 * so a version that is told afterwards was told of a file with a new mark, or
 * by somebody who looks at the age once more.
 */
static void clear(struct marks *m)
{
	if (!atomic_exchange(&m->cnt, 0))
		return;
	if (atomic_fetch_add(&m->age, 1) == UINT32_MAX)
		atomic_fetch_add(&m->age, 1);
	memset(m->recent, 0, MARKS_RECENT * sizeof(*m->recent));
	fanotify_mark(m->fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
	versions_bump_all(m->versions);
}

/* Where a key is remembered, or where it is to be: instead of another one that
 * has one of the same few places.
 */
static uint64_t *recent(const struct marks *m, uint64_t key)
{
	uint64_t *place = &m->recent[key % (MARKS_RECENT / WAYS) * WAYS];
	unsigned int i = 0;

	while (i < WAYS && place[i] && place[i] != key)
		i++;
	return &place[i < WAYS ? i : key / MARKS_RECENT % WAYS];
}

/* Is a file marked? With the lock. */
static bool recall(const struct marks *m, uint64_t key, _Atomic uint32_t *age)
{
	/* Another thread may just have done it. */
	if (marks_are(m, age))
		return true;
	if (*recent(m, key) != key)
		return false;
	atomic_store(age, atomic_load(&m->age));
	return true;
}

bool marks_recall(struct marks *m, dev_t dev, uint64_t key,
		  _Atomic uint32_t *age)
{
	bool marked;

	if (marks_are(m, age))
		return true;
	/* A handle, of which the key is, can be one of another device, too. */
	if (m->fd < 0 || !key || dev != m->dev)
		return false;
	pthread_mutex_lock(&m->lock);
	marked = recall(m, key, age);
	pthread_mutex_unlock(&m->lock);
	return marked;
}

/* Mark a file, with the lock. */
static bool set(struct marks *m, const struct marks_file *file,
		_Atomic uint32_t *age)
{
	uint32_t now;
	int err;

	if (recall(m, file->key, age))
		return true;
	if (atomic_load(&m->cnt) / 2 > MAX(file->known_cnt, MARKS_SPARE))
		clear(m);
	now = atomic_load(&m->age);
	err = put_mark(m, file);
	/* The most that there can be: but how many of them are of use? */
	if (err == -ENOSPC && atomic_load(&m->cnt) / 2 > file->known_cnt) {
		clear(m);
		now = atomic_load(&m->age);
		err = put_mark(m, file);
	}
	if (err)
		return false;
	atomic_fetch_add(&m->cnt, 1);
	atomic_fetch_add(&m->set_cnt, 1);
	atomic_store(age, now);
	*recent(m, file->key) = file->key;
	return true;
}

bool marks_set(struct marks *m, const struct marks_file *file,
	       _Atomic uint32_t *age)
{
	bool done;

	if (marks_are(m, age))
		return true;
	if (m->fd < 0 || !file->key || file->dev != m->dev)
		return false;
	pthread_mutex_lock(&m->lock);
	done = set(m, file, age);
	pthread_mutex_unlock(&m->lock);
	return done;
}

/* A file of an event: itself, or a directory and what has happened there. */
static void take_file(const struct marks *m, uint64_t mask, const void *info)
{
	const struct fanotify_event_info_fid *fid = info;
	const struct file_handle *handle = (const void *)fid->handle;
	const char *name =
		(const char *)handle->f_handle + handle->handle_bytes;
	uint64_t key = versions_key(m->versions, handle->handle_type,
				    handle->f_handle, handle->handle_bytes);

	/* The kernel could not say of which file. */
	if (!handle->handle_bytes)
		versions_bump_all(m->versions);
	if (fid->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME &&
	    strcmp(name, ".") != 0) {
		/* Of what has happened to a file there, it has its own. */
		if (!(mask & NAMES))
			return;
		versions_bump(m->versions,
			      versions_entry(m->versions, key, name));
	}
	versions_bump(m->versions, versions_attr(m->versions, key));
}

/* An event, of which this is a copy, and what follows it. */
static void take_event(const struct marks *m,
		       const struct fanotify_event_metadata *event,
		       const char *at, const char *end)
{
	struct fanotify_event_info_header head;

	if (event->mask & FAN_Q_OVERFLOW) {
		versions_bump_all(m->versions);
		return;
	}
	if (event->pid == m->pid && !m->hear_own)
		return;
	for (; end - at >= (ssize_t)sizeof(head); at += head.len) {
		memcpy(&head, at, sizeof(head));
		take_file(m, event->mask, at);
	}
}

void marks_read(struct marks *m)
{
	_Alignas(uint32_t) char events[EVENTS_LEN];
	struct fanotify_event_metadata event;
	ssize_t len = 1;

	for (int i = 0; i < READS && len > 0; i++) {
		len = read(m->fd, events, sizeof(events));
		for (const char *at = events; at - events < len;
		     at += event.event_len) {
			/* Longer numbers than the kernel's alignment. */
			memcpy(&event, at, sizeof(event));
			take_event(m, &event, at + event.metadata_len,
				   at + event.event_len);
		}
	}
}
