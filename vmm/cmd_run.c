/*
 * wherry run: a command in a microVM whose root is a host directory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot/boot.h"
#include "boot/initramfs.h"
#include "boot/modpatch.h"
#include "boot/modules.h"
#include "boot/spec.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/cachedir.h"
#include "vmm/cmd.h"
#include "vmm/command.h"
#include "vmm/config.h"
#include "vmm/environment.h"
#include "vmm/hostkernel.h"
#include "vmm/machine.h"
#include "vmm/monitor.h"
#include "vmm/rootfs.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/sandbox/sandbox.h"
#include "vmm/share.h"
#include "vmm/volume.h"

/* What init needs before and for its devices; dependencies follow. The balloon
 * is for the host's good: a kernel without it runs as well.
 */
#define BALLOON_MODULE "virtio_balloon"
static const char *const wanted_modules[] = {
	"virtio_mmio",
	"virtio_console",
	"virtiofs",
	"virtio_rng",
	(MODULES_MAY_MISS BALLOON_MODULE),
	"overlay", /* only for --overlay */
};

/**
 * struct run - Everything of one run, in the order in which it is made
 */
struct run {
	struct config config;
	struct timing *timing;
	struct sandbox *sb;
	struct monitor_ends *ends;
	int root_fd;
	int files;   /* from share_add_all() */
	int lock_fd; /* from volume_lock_upper() */
	struct hostkernel host;
	char cache_dir[PATH_MAX];
	char cmdline[LAYOUT_CMDLINE_MAX * 2];
	char window[16];
	struct environment env;
	struct modules modules;
	struct initramfs initramfs;
	struct machine machine;
	struct command command;
};

/* What depends on the kernel. */
static void settle_windows(struct run *run)
{
	struct config *config = &run->config;
	struct fs_config *root = &config->root;
	char version[VERSION_TEXT_LEN];
	bool stalls = hostkernel_stalls(run->host.kernel, version);
	bool asked = root->dax_len && root->dax_len != SHARE_DAX_DEFAULT &&
		     share_closes_files(root);

	if (root->dax_len == SHARE_DAX_DEFAULT)
		root->dax_len = share_default_dax(root, config->memory, stalls);
	for (unsigned int i = 0; i < config->share_cnt; i++)
		asked = asked || (config->share[i].fs.dax_len &&
				  share_closes_files(&config->share[i].fs));
	if (stalls && asked)
		log_line("kernel: Linux %s can stand still when it closes a "
			 "file that is in a window; take a newer one, or "
			 "dax=off",
			 version);
}

/* Choose and open what the user's words mean. */
static int choose(struct run *run, struct fail *fail)
{
	const struct config *config = &run->config;
	int err;

	run->root_fd = rootfs_open(config->rootfs, config->argv[0], fail);
	if (run->root_fd < 0)
		return run->root_fd;
	err = environment_init(&run->env, config, fail);
	if (!err)
		err = hostkernel_find(&run->host, config->kernel,
				      config->modules, fail);
	if (!err)
		err = cachedir_find(run->cache_dir, sizeof(run->cache_dir),
				    fail);
	if (err)
		return err;
	settle_windows(run);
	snprintf(run->cmdline, sizeof(run->cmdline), "%s %s%s%s",
		 CMD_BASE_CMDLINE, config->console ? "" : "loglevel=3",
		 config->append ? " " : "",
		 config->append ? config->append : "");
	if (config->verbose)
		log_line("kernel %s, modules %s, cache %s", run->host.kernel,
			 run->host.modules, run->cache_dir);
	return 0;
}

static bool has_shared_cache(const struct config *config)
{
	bool shared = config->root.cache == FS_CACHE_SHARED;

	for (unsigned int i = 0; i < config->share_cnt; i++)
		shared = shared || config->share[i].fs.cache == FS_CACHE_SHARED;
	return shared;
}

/* The guest's first file system: our init, the modules, what to run. */
static int make_initramfs(struct run *run, struct fail *fail)
{
	const char *wanted[ARRAY_SIZE(wanted_modules) + 1] = {NULL};
	struct guest_volume volumes[CONFIG_MAX_SHARES + 1];
	const struct guest_spec spec = {
		.root_tag = CONFIG_ROOT_TAG,
		.root_is_read_only = run->config.root.read_only,
		.root_options = volume_mount_options(&run->config.root),
		.overlay = volume_upper(&run->config, run->sb),
		.volumes = volumes,
		.hostname = run->config.hostname,
		.workdir = run->config.workdir,
		.terminal = run->command.has_tty ? run->window : NULL,
		.argv = run->config.argv,
		.envp = run->env.var,
		.user = run->config.user,
		.group = run->config.group,
		.add_groups = run->config.add_group,
		.rlimits = run->config.ulimit,
		.pids = run->config.pids,
		.tmp_size = run->config.tmp_size,
		.sessions = run->config.name,
		.later = BALLOON_MODULE,
		.dropped_caps = run->config.cap_drop & ~run->config.cap_add,
	};
	int err;

	volume_list(&run->config, run->files, volumes);
	memcpy(wanted, wanted_modules, sizeof(wanted_modules));
	if (!run->config.overlay)
		wanted[ARRAY_SIZE(wanted_modules) - 1] = NULL;
	snprintf(run->window, sizeof(run->window), "%u",
		 command_window(&run->command));
	err = modules_collect(&run->modules, run->host.modules, wanted,
			      run->cache_dir, fail);
	if (err)
		return err;
	/* Without them the server says that the guest cannot do it. */
	if (has_shared_cache(&run->config))
		modpatch_use_installed(&run->modules);
	err = initramfs_build(&run->initramfs, &spec, &run->modules);
	if (err == -E2BIG)
		return fail_set(fail, err,
				"command: arguments and environment are too "
				"long");
	return err ? fail_set(fail, err, "initramfs: %s", strerror(-err)) : 0;
}

static int build(struct run *run, struct fail *fail)
{
	struct boot_config boot = {
		.kernel_path = run->host.kernel,
		.cache_dir = run->cache_dir,
		.cmdline = run->cmdline,
		.cpu_cnt = run->config.cpus,
	};
	const struct config_share root = {
		.option = "ROOTFS",
		.dir = run->config.rootfs,
		.tag = CONFIG_ROOT_TAG,
		.fs = run->config.root,
		.owner = run->config.owner,
	};
	int console = run->config.console ? STDERR_FILENO : -1;
	int err;

	err = machine_init(&run->machine, &run->config, console, fail);
	keeper_wait(run->sb->keeper);
	if (!err)
		err = share_add(&run->machine, run->sb, &root, run->root_fd,
				fail);
	fd_close(&run->root_fd); /* it leads to the host's whole tree */
	if (!err)
		run->files = share_add_all(&run->machine, run->sb, &run->config,
					   fail);
	if (!err)
		err = MIN(run->files, 0);
	if (!err)
		err = volume_lock_upper(&run->config, run->sb, &run->lock_fd,
					fail);
	if (!err)
		err = command_init(&run->command, &run->machine, run->timing,
				   &run->config, fail);
	if (!err)
		err = command_open(&run->command, fd_take(&run->ends->door_fd),
				   fd_take(&run->ends->started_fd), fail);
	if (!err)
		err = make_initramfs(run, fail);
	if (err)
		return err;
	boot.initrd = run->initramfs.bytes.data;
	boot.initrd_len = run->initramfs.bytes.len;
	err = machine_load(&run->machine, &boot, fail);
	/* The guest has them now; with Linux 6.1 they are 1.4 MiB. */
	initramfs_destroy(&run->initramfs);
	modules_destroy(&run->modules);
	return err;
}

static void destroy(struct run *run)
{
	command_destroy(&run->command);
	machine_destroy(&run->machine);
	initramfs_destroy(&run->initramfs);
	modules_destroy(&run->modules);
	environment_destroy(&run->env);
	fd_close(&run->root_fd);
	fd_close(&run->lock_fd);
	free(run);
}

int cmd_run(const struct config *config, struct timing *timing,
	    struct sandbox *sb, struct monitor_ends *ends)
{
	struct run *run = calloc(1, sizeof(*run));
	struct fail fail = {0};
	int status = OUTCOME_FAILURE;
	int err;

	if (!run) {
		log_line("machine: %s", strerror(ENOMEM));
		return OUTCOME_FAILURE;
	}
	run->config = *config;
	run->timing = timing;
	run->sb = sb;
	run->ends = ends;
	run->root_fd = -1;
	run->lock_fd = -1;
	err = choose(run, &fail);
	if (!err)
		err = build(run, &fail);
	if (!err)
		err = sandbox_enter(sb, &fail);
	if (!err)
		err = machine_run(&run->machine, &sb->entry, timing, &fail);
	if (err) {
		log_line("%s", fail.text);
	} else {
		err = command_drain(&run->command);
		status = outcome_status(&run->machine.outcome);
		if (err && !status)
			status = OUTCOME_FAILURE;
		outcome_report(&run->machine.outcome);
		if (config->stats)
			machine_print_stats(&run->machine, stderr);
	}
	destroy(run);
	return status;
}
