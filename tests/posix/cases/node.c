/*
 * FIFOs, sockets and devices: they work, and stay on this side.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/posix/cases/suite.h"

static void made_by_root(void)
{
	const struct {
		mode_t mode;
		dev_t device;
	} rows[] = {
		{S_IFREG | 0640, 0},
		{S_IFIFO | 0600, 0},
		{S_IFSOCK | 0644, 0},
		{S_IFCHR | 0666, makedev(1, 3)},
		{S_IFBLK | 0660, makedev(7, 3)},
		{S_IFCHR | 0600, makedev(511, 0xfffff)},
		{S_IFCHR | 0600, 0},
	};
	struct stat st;

	umask(0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		note("row %zu", i);
		OK(mknod("n", rows[i].mode, rows[i].device));
		st = stat_of("n");
		IS(rows[i].mode, st.st_mode);
		IS(rows[i].device, st.st_rdev);
		IS(1, st.st_nlink);
		OK(link("n", "m"));
		OK(rename("m", "k"));
		OK(unlink("n"));
		OK(unlink("k"));
	}
	FAILS(EINVAL, mknod("n", S_IFLNK | 0644, 0));
	FAILS(EPERM, mknod("n", S_IFDIR | 0755, 0));
	OK(mknod("n", 0644, 0));
	CHECK(S_ISREG(stat_of("n").st_mode));
	FAILS(EEXIST, mknod("n", S_IFREG | 0644, 0));
}

static void made_by_others(void)
{
	become(ALICE, STAFF, -1);
	FAILS(EPERM, mknod("c", S_IFCHR | 0666, makedev(1, 3)));
	FAILS(EPERM, mknod("b", S_IFBLK | 0666, makedev(7, 3)));
	OK(mknod("f", S_IFREG | 0644, 0));
	OK(mknod("p", S_IFIFO | 0644, 0));
	OK(mknod("s", S_IFSOCK | 0644, 0));
	IS(ALICE, stat_of("p").st_uid);
	IS(STAFF, stat_of("s").st_gid);
}

static void attributes_change(void)
{
	static const struct timespec times[] = {{1000, 1}, {2000, 2}};

	OK(mkfifo("p", 0600));
	OK(chmod("p", 0666));
	OK(chown("p", ALICE, STAFF));
	OK(utimensat(AT_FDCWD, "p", times, 0));
	IS(S_IFIFO | 0666, stat_of("p").st_mode);
	IS(ALICE, stat_of("p").st_uid);
	IS(ns_of(times[1]), ns_of(stat_of("p").st_mtim));
	FAILS(EINVAL, truncate("p", 0));
}

static void fifo_carries_bytes(void)
{
	char got[8];
	pid_t pid;
	int fd;

	OK(mkfifo("p", 0666));
	FAILS(ENXIO, open("p", O_WRONLY | O_NONBLOCK));
	pid = fork_child();
	if (!pid) {
		fd = open_ok("p", O_WRONLY);
		IS(4, write(fd, "text", 4));
		child_end();
	}
	fd = open_ok("p", O_RDONLY);
	IS(4, read(fd, got, sizeof(got)));
	CHECK(!memcmp(got, "text", 4));
	reap(pid);
	IS(0, read(fd, got, sizeof(got)));
	IS(0, stat_of("p").st_size);
}

static void fifo_by_another_name(void)
{
	char byte = 0;
	int reads, writes;

	OK(mkfifo("p", 0666));
	OK(link("p", "q"));
	reads = open_ok("p", O_RDONLY | O_NONBLOCK);
	OK(rename("q", "r"));
	writes = open_ok("r", O_WRONLY | O_NONBLOCK);
	OK(write(writes, "x", 1));
	IS(1, read(reads, &byte, 1));
	IS('x', byte);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return address;
}

static void socket_connects(void)
{
	struct sockaddr_un address = address_of("s"), moved = address_of("t");
	int listener = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
	char got[8];
	int peer;

	OK(bind(listener, (void *)&address, sizeof(address)));
	CHECK(S_ISSOCK(stat_of("s").st_mode));
	OK(listen(listener, 1));
	OK(rename("s", "t"));
	OK(connect(client, (void *)&moved, sizeof(moved)));
	peer = (int)OK(accept(listener, NULL, NULL));
	IS(4, write(client, "text", 4));
	IS(4, read(peer, got, sizeof(got)));
	CHECK(!memcmp(got, "text", 4));
	FAILS(EADDRINUSE, bind((int)OK(socket(AF_UNIX, SOCK_STREAM, 0)),
			       (void *)&moved, sizeof(moved)));
	FAILS(ENXIO, open("t", O_RDWR));
	OK(close(listener));
	client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
	FAILS(ECONNREFUSED, connect(client, (void *)&moved, sizeof(moved)));
	OK(unlink("t"));
	FAILS(ENOENT, connect(client, (void *)&moved, sizeof(moved)));
}

static void socket_datagrams(void)
{
	struct sockaddr_un address = address_of("s");
	int receiver = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));
	int sender = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));
	char got[8];

	OK(bind(receiver, (void *)&address, sizeof(address)));
	IS(3, sendto(sender, "one", 3, 0, (void *)&address, sizeof(address)));
	IS(3, recv(receiver, got, sizeof(got), 0));
}

/* A device is this kernel's own, where the mount allows it at all. */
static void device_works(void)
{
	char byte = 1;
	int fd;

	OK(mknod("zero", S_IFCHR | 0666, makedev(1, 5)));
	fd = open("zero", O_RDWR);
	if (fd < 0 && errno == EACCES)
		skip("mounted nodev");
	OK(fd);
	IS(1, read(fd, &byte, 1));
	IS(0, byte);
	OK(mknod("none", S_IFCHR | 0666, makedev(511, 77)));
	FAILS(ENXIO, open("none", O_RDONLY));
}

const struct test_case node_cases[] = {
	CASE(made_by_root),
	CASE(made_by_others),
	CASE(attributes_change),
	CASE(fifo_carries_bytes),
	CASE(fifo_by_another_name),
	CASE(socket_connects),
	CASE(socket_datagrams),
	CASE(device_works),
	{0},
};
