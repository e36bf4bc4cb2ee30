/*
 * wherry boot: a kernel with its serial console on stdio.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/boot.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/boot_stdio.h"
#include "vmm/cachedir.h"
#include "vmm/cmd.h"
#include "vmm/config.h"
#include "vmm/machine.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/sandbox/sandbox.h"
#include "vmm/share.h"
#include "vmm/timing.h"

struct boot_run {
	struct machine machine;
	struct boot_stdio stdio;
	char cmdline[LAYOUT_CMDLINE_MAX * 2];
	char cache_dir[PATH_MAX];
	void *initrd;
	size_t initrd_len;
};

static int map_initrd(struct boot_run *run, const char *path, struct fail *fail)
{
	autofd fd = -1;
	struct stat st;
	void *map;

	if (!path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_set(fail, -errno, "--initrd %s: %s", path,
				strerror(errno));
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return fail_set(fail, -EINVAL,
				"--initrd %s: not a file with something in it",
				path);
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return fail_set(fail, -errno, "--initrd %s: %s", path,
				strerror(errno));
	run->initrd = map;
	run->initrd_len = st.st_size;
	return 0;
}

static int prepare(struct boot_run *run, const struct config *config,
		   struct sandbox *sb, struct fail *fail)
{
	struct boot_config boot = {
		.kernel_path = config->kernel,
		.cache_dir = run->cache_dir,
		.cmdline = run->cmdline,
		.cpu_cnt = config->cpus,
	};
	int err;

	snprintf(run->cmdline, sizeof(run->cmdline), "%s%s%s", CMD_BASE_CMDLINE,
		 config->append ? " " : "",
		 config->append ? config->append : "");
	keeper_wait(sb->keeper);
	err = cachedir_find(run->cache_dir, sizeof(run->cache_dir), fail);
	if (!err)
		err = map_initrd(run, config->initrd, fail);
	if (err)
		return err;
	boot.initrd = run->initrd;
	boot.initrd_len = run->initrd_len;
	err = share_add_all(&run->machine, sb, config, fail);
	if (!err)
		err = machine_load(&run->machine, &boot, fail);
	if (err)
		return err;
	err = boot_stdio_init(&run->stdio, &run->machine.loop,
			      &run->machine.serial, STDIN_FILENO);
	return err ? fail_set(fail, err, "stdin: %s", strerror(-err)) : 0;
}

int cmd_boot(const struct config *config, struct timing *timing,
	     struct sandbox *sb)
{
	struct boot_run *run = calloc(1, sizeof(*run));
	struct fail fail = {0};
	int status = OUTCOME_FAILURE;
	int err;

	if (!run) {
		log_line("machine: %s", strerror(ENOMEM));
		return OUTCOME_FAILURE;
	}
	err = machine_init(&run->machine, config, STDOUT_FILENO, &fail);
	if (!err)
		err = prepare(run, config, sb, &fail);
	if (!err)
		err = sandbox_enter(sb, &fail);
	if (!err)
		err = machine_run(&run->machine, &sb->entry, timing, &fail);
	if (err)
		log_line("%s", fail.text);
	else
		status = outcome_boot_status(&run->machine.outcome);
	if (!err && status)
		outcome_report(&run->machine.outcome);
	if (!err && config->stats)
		machine_print_stats(&run->machine, stderr);
	machine_destroy(&run->machine);
	if (run->initrd)
		munmap(run->initrd, run->initrd_len);
	free(run);
	return status;
}
