/*
 * idmount: mounts a directory somewhere else with other owners (idmapped
 * mounts, mount_setattr(2)): what belongs to ids from 0 on belongs to those
 * from FIRST on there. So a user's own tree is had from root's without a copy.
 *
 * usage: idmount FROM TO FIRST COUNT
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void write_map(pid_t pid, const char *name, const char *map)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, map, strlen(map)) != (ssize_t)strlen(map))
		fail(path);
	close(fd);
}

/* A user namespace in which ids are mapped so. It lives by its descriptor. */
static int make_namespace(const char *first, const char *count)
{
	char map[64], path[64];
	int sync[2], fd;
	char byte;
	pid_t pid;

	if (pipe(sync) < 0)
		fail("pipe");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		if (unshare(CLONE_NEWUSER) < 0 || write(sync[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	close(sync[1]);
	if (read(sync[0], &byte, 1) != 1)
		fail("a user namespace");
	snprintf(map, sizeof(map), "0 %s %s", first, count);
	write_map(pid, "uid_map", map);
	write_map(pid, "gid_map", map);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return fd;
}

int main(int argc, char **argv)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
	int fd;

	if (argc != 5) {
		fputs("usage: idmount FROM TO FIRST COUNT\n", stderr);
		return 2;
	}
	attr.userns_fd = make_namespace(argv[3], argv[4]);
	fd = open_tree(AT_FDCWD, argv[1], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		fail(argv[1]);
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		fail("mount_setattr");
	if (move_mount(fd, "", AT_FDCWD, argv[2], MOVE_MOUNT_F_EMPTY_PATH) < 0)
		fail(argv[2]);
	return 0;
}
