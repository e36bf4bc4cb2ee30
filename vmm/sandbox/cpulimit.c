/*
 * A limit on the time of all processors together: a control group.
 */
#include "vmm/sandbox/cpulimit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/sandbox/mountinfo.h"

/* Of time, in microseconds: so much of it is a limit of one processor. */
enum { PERIOD_US = 100000 };

/* For what others do in a moment: a keeper that is on its way in or out, or
 * KVM's own thread, which ends when the machine's last page is free.
 */
enum { TRIES = 100, ENTER_TRIES = 20, PAUSE_US = 10000 };

static const char OURS[] = "wherry-"; /* names of groups begin so */

static int write_file(const char *dir, const char *name, const char *text)
{
	char path[PATH_MAX * 2];
	autofd fd = -1;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd_write_full(fd, text, strlen(text));
}

/* Is the controller in a list of them? */
static bool has_cpu(const char *dir, const char *name)
{
	char path[PATH_MAX * 2], word[32];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	while (file && !found && fscanf(file, "%31s", word) == 1)
		found = !strcmp(word, "cpu");
	if (file)
		fclose(file);
	return found;
}

/* What of @path is below the mount's root, and where that is. */
static bool is_mounted(char *line, const char *path, struct cpulimit *l)
{
	struct mountinfo m;
	size_t len;

	if (!mountinfo_parse(&m, line) || strcmp(m.type, "cgroup2"))
		return false;
	len = strcmp(m.root, "/") ? strlen(m.root) : 0;
	if (strncmp(path, m.root, len) || (path[len] && path[len] != '/'))
		return false;
	path += len;
	return snprintf(l->own, sizeof(l->own), "%s%s", m.point,
			strcmp(path, "/") ? path : "") < (int)sizeof(l->own);
}

/* The path in the line "0::PATH". */
static int read_path(const char *cgroup, char path[PATH_MAX])
{
	FILE *file = fopen(cgroup, "re");
	int err = -ENOENT;

	if (!file)
		return -errno;
	while (err && fgets(path, PATH_MAX, file)) {
		if (strncmp(path, "0::/", strlen("0::/")))
			continue;
		path[strcspn(path, "\n")] = '\0';
		memmove(path, path + strlen("0::"), strlen(path + 2));
		err = 0;
	}
	fclose(file);
	return err;
}

int cpulimit_find(struct cpulimit *l, const char *mountinfo, const char *cgroup)
{
	char path[PATH_MAX] = "", *line = NULL;
	size_t room = 0;
	FILE *file;
	int err;

	*l = (struct cpulimit){.group = ""};
	err = read_path(cgroup, path);
	if (err)
		return err;
	file = fopen(mountinfo, "re");
	if (!file)
		return -errno;
	err = -ENOENT;
	while (err && getline(&line, &room, file) >= 0)
		err = is_mounted(line, path, l) ? 0 : -ENOENT;
	free(line);
	fclose(file);
	return err;
}

/* Until it is closed. Anybody who may read the directory could keep it locked,
 * so patience has an end.
 */
static int lock_group(const char *dir)
{
	autofd fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK || i == TRIES)
			return -errno;
		usleep(PAUSE_US);
	}
	return fd_take(&fd);
}

/* With the lock. Another keeper may be in our group for a moment: on its way to
 * its own, or to its end.
 */
static int turn_on(const char *own)
{
	int err = 0;

	for (int i = 0; i < ENTER_TRIES; i++) {
		if (has_cpu(own, "cgroup.subtree_control"))
			return 0;
		err = write_file(own, "cgroup.subtree_control", "+cpu");
		if (err != -EBUSY)
			return err;
		usleep(PAUSE_US);
	}
	return err;
}

/* Make the group and go there; *@why gets better than what errno says. We go
 * first and take the lock then: who has it may wait for us to leave.
 */
static int enter(struct cpulimit *l, unsigned int parts, const char **why)
{
	autofd lock_fd = -1;
	char text[32];
	int err;

	if (!has_cpu(l->own, "cgroup.controllers")) {
		*why = "no cpu controller for it";
		return -ENOTSUP;
	}
	snprintf(l->group, sizeof(l->group), "%s/%sXXXXXX", l->own, OURS);
	if (!mkdtemp(l->group)) {
		err = -errno;
		l->group[0] = '\0';
		return err;
	}
	err = write_file(l->group, "cgroup.procs", "0");
	if (err)
		return err;
	lock_fd = lock_group(l->own);
	if (lock_fd == -EWOULDBLOCK)
		*why = "is locked (flock)";
	if (lock_fd < 0)
		return lock_fd;
	err = turn_on(l->own);
	if (err == -EBUSY)
		*why = "other processes are in it";
	if (err)
		return err;
	snprintf(text, sizeof(text), "%u %d", parts * (PERIOD_US / 1000),
		 PERIOD_US);
	return write_file(l->group, "cpu.max", text);
}

int cpulimit_begin(struct cpulimit *l, unsigned int parts, struct fail *fail)
{
	const char *why = NULL;
	int err = enter(l, parts, &why);

	if (!err)
		return 0;
	cpulimit_end(l);
	return fail_set(fail, err,
			"--cpus: a part of a processor takes a control group; "
			"%s: %s; give a whole number, or begin with "
			"systemd-run --user --scope -p Delegate=yes",
			l->own, why ? why : strerror(-err));
}

static bool has_processes(const char *group)
{
	char path[PATH_MAX * 2], key[32], value[8];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.events", group);
	file = fopen(path, "re");
	while (file && !found && fscanf(file, "%31s %7s", key, value) == 2)
		found = !strcmp(key, "populated") && strcmp(value, "0");
	if (file)
		fclose(file);
	return found;
}

/* Go where another machine is: -ENOENT if nobody is in any other group, -EBUSY
 * if somebody is, but no machine.
 */
static int join_other(const struct cpulimit *l)
{
	DIR *dir = opendir(l->own);
	struct dirent *entry;
	char group[PATH_MAX + NAME_MAX + 2];
	int err = dir ? -ENOENT : -errno;

	while (dir && (err == -ENOENT || err == -EBUSY) &&
	       (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(group, sizeof(group), "%s/%s", l->own, entry->d_name);
		if (!strcmp(group, l->group) || !has_processes(group))
			continue;
		err = -EBUSY;
		if (!strncmp(entry->d_name, OURS, strlen(OURS)))
			err = write_file(group, "cgroup.procs", "0");
	}
	if (dir)
		closedir(dir);
	return err;
}

/* The root of all may have processes and controllers; ours is another one if
 * that is refused, and then nobody but machines can have been in it. What has
 * no processes needs no controller.
 */
static int leave(const struct cpulimit *l)
{
	autofd lock_fd = lock_group(l->own);
	int err;

	if (lock_fd < 0)
		return lock_fd;
	err = write_file(l->own, "cgroup.procs", "0");
	if (err == -EBUSY)
		err = join_other(l);
	if (err != -ENOENT)
		return err;
	err = write_file(l->own, "cgroup.subtree_control", "-cpu");
	return err ? err : write_file(l->own, "cgroup.procs", "0");
}

static int remove_group(const char *group)
{
	for (int i = 0; rmdir(group); i++) {
		if (errno != EBUSY || i == TRIES)
			return -errno;
		usleep(PAUSE_US);
	}
	return 0;
}

void cpulimit_end(struct cpulimit *l)
{
	int err;

	if (!l->group[0])
		return;
	err = leave(l);
	if (!err)
		err = remove_group(l->group);
	if (err)
		log_line("control group %s: %s; remove it with rmdir(1)",
			 l->group, strerror(-err));
	l->group[0] = '\0';
}
