/*
 * The values of options: what is understood, and one line for what is not.
 *
 * All functions store a value in a configuration. They may cut it up, for argv
 * belongs to us, and it must outlive the configuration. They return 0, or
 * -EINVAL with @fail set.
 */
#ifndef VMM_SETTING_H
#define VMM_SETTING_H

#define SETTING_ULIMIT_NAMES \
	"as, core, cpu, data, fsize, memlock, nofile, nproc, rss, stack"

struct config;
struct fail;

/** setting_name() - Name of the machine */
int setting_name(struct config *config, char *value, struct fail *fail);

/** setting_signal() - A signal that a machine can be sent */
int setting_signal(struct config *config, char *value, struct fail *fail);

/** setting_cpus() - Number of processors, or so much of their time */
int setting_cpus(struct config *config, char *value, struct fail *fail);

/** setting_memory() - Bytes of RAM, in whole pages */
int setting_memory(struct config *config, char *value, struct fail *fail);

/** setting_env_file() - Path of one more file with variables */
int setting_env_file(struct config *config, char *value, struct fail *fail);

/** setting_hostname() - Name of the guest */
int setting_hostname(struct config *config, char *value, struct fail *fail);

/** setting_ulimit() - NAME=SOFT[:HARD], one more limit or another value */
int setting_ulimit(struct config *config, char *value, struct fail *fail);

/** setting_pids() - How many processes and threads the command has */
int setting_pids(struct config *config, char *value, struct fail *fail);

/** setting_tmp_size() - Bytes of a file system on /tmp, in whole pages */
int setting_tmp_size(struct config *config, char *value, struct fail *fail);

/** setting_cap_drop() - A capability or ALL, not for the command */
int setting_cap_drop(struct config *config, char *value, struct fail *fail);

/** setting_cap_add() - A capability that the command keeps */
int setting_cap_add(struct config *config, char *value, struct fail *fail);

/** setting_env() - NAME=VALUE or NAME, one more variable */
int setting_env(struct config *config, char *value, struct fail *fail);

/** setting_workdir() - Absolute path */
int setting_workdir(struct config *config, char *value, struct fail *fail);

/** setting_stop_timeout() - Seconds, from 0 to those of a day */
int setting_stop_timeout(struct config *config, char *value, struct fail *fail);

/** setting_timeout() - Time that the command has, more than none */
int setting_timeout(struct config *config, char *value, struct fail *fail);

/** setting_output_limit() - Most bytes of output, more than none */
int setting_output_limit(struct config *config, char *value, struct fail *fail);

/** setting_user() - UID[:GID] or NAME[:GROUP], as the guest knows them */
int setting_user(struct config *config, char *value, struct fail *fail);

/** setting_group_add() - GID or NAME, one more group */
int setting_group_add(struct config *config, char *value, struct fail *fail);

/** setting_share() - HOST:TAG[:OPTION...], one more share */
int setting_share(struct config *config, char *value, struct fail *fail);

/** setting_volume() - HOST:GUEST[:OPTION...], one more share that is mounted */
int setting_volume(struct config *config, char *value, struct fail *fail);

/** setting_overlay() - Where changes of the root go; NULL: into memory */
int setting_overlay(struct config *config, char *value, struct fail *fail);

/** setting_root_options() - OPTION[:OPTION...] of ROOTFS */
int setting_root_options(struct config *config, char *value, struct fail *fail);

/** setting_owner() - Whose the files of shares are, in a word */
int setting_owner(struct config *config, char *value, struct fail *fail);

#endif /* VMM_SETTING_H */
