/*
 * Pid 1 of a guest whose monitor brings none: loads modules, mounts the root
 * and becomes the command there. Its arguments come from the kernel's command
 * line: TYPE SOURCE ARGUMENT...
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/bench/guest/load.h"

/* Names are numbers, in the order in which modules need each other. */
static void load_modules(void)
{
	char path[32];

	for (int i = 0;; i++) {
		int fd;

		snprintf(path, sizeof(path), "/modules/%d.ko", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return;
		if (syscall(SYS_finit_module, fd, "", 0))
			warn("%s", path);
		close(fd);
	}
}

/* A disk appears some time after its driver. */
static void mount_root(const char *type, const char *source)
{
	for (int i = 0; i < 1000; i++) {
		if (!mount(source, "/root", type, MS_NOATIME, NULL))
			return;
		usleep(10000);
	}
	err(1, "%s", source);
}

static void mount_or_die(const char *type, const char *at)
{
	if (mount(type, at, type, 0, NULL))
		err(1, "%s", at);
}

static void make_raw(void)
{
	struct termios modes;

	if (tcgetattr(STDIN_FILENO, &modes))
		err(1, "console");
	cfmakeraw(&modes);
	tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

static void run_command(char **argv)
{
	pid_t child = fork();

	if (!child) {
		execv(argv[0], argv);
		err(1, "%s", argv[0]);
	}
	while (wait(NULL) != child)
		;
	sync();
	reboot(RB_AUTOBOOT);
}

void init_run(int argc, char **argv)
{
	static char command[] = LOAD_DIR "/load";
	int console;

	if (argc < 4)
		errx(1, "no root given");
	mkdir("/dev", 0755);
	mkdir("/root", 0755);
	mount_or_die("devtmpfs", "/dev");
	console = open("/dev/console", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(console, fd);
	make_raw();
	if (write(STDOUT_FILENO, "init\n", 5) != 5)
		err(1, "console");
	load_modules();
	mount_root(argv[1], argv[2]);
	if (chdir("/root") || mount("/dev", "dev", NULL, MS_MOVE, NULL) ||
	    mount(".", "/", NULL, MS_MOVE, NULL) || chroot("."))
		err(1, "root");
	mount_or_die("proc", "/proc");
	mount_or_die("sysfs", "/sys");
	setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin", 1);
	setenv("HOME", "/root", 1);
	argv[2] = command;
	run_command(argv + 2);
}
