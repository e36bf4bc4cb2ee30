/*
 * The values of options: what is understood, and one line for what is not.
 */
#include "vmm/setting.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/layout.h"
#include "vmm/base/parse.h"
#include "vmm/config.h"
#include "vmm/owner.h"
#include "vmm/sandbox/caps.h"
#include "vmm/share.h"
#include "vmm/statedir.h"
#include "vmm/volume.h"

enum {
	CPU_PARTS_MIN = 10, /* of 1000; Linux takes 1 ms of 100 ms at least */
	STOP_TIMEOUT_MAX = 86400,
	PIDS_MAX = 1 << 22, /* Linux has no more numbers for them */
};

#define MEMORY_MIN MIB(8)
#define MEMORY_MAX GIB(1024)

/* (uid_t)-1 says "leave it" to system calls; LOGIN_NAME_MAX with its NUL. */
enum { ID_MAX = UINT32_MAX - 1, NAME_MAX_LEN = 255 };

/* However long a value is, what is wrong with it is seen. */
#define SHOWN "%.80s"

/* As SETTING_ULIMIT_NAMES has them. */
static const struct ulimit_row {
	const char *name;
	int resource;
} ulimits[] = {
	{"as", RLIMIT_AS},	   {"core", RLIMIT_CORE},
	{"cpu", RLIMIT_CPU},	   {"data", RLIMIT_DATA},
	{"fsize", RLIMIT_FSIZE},   {"memlock", RLIMIT_MEMLOCK},
	{"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},
	{"rss", RLIMIT_RSS},	   {"stack", RLIMIT_STACK},
};
_Static_assert(ARRAY_SIZE(ulimits) <= CONFIG_MAX_ULIMITS, "room for each");

/* What `run` passes on, and what ends or stops a machine. */
static const struct {
	const char *name;
	int number;
} signals[] = {
	{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},
	{"KILL", SIGKILL}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
	{"TERM", SIGTERM}, {"CONT", SIGCONT}, {"TSTP", SIGTSTP},
};

int setting_name(struct config *config, char *value, struct fail *fail)
{
	if (!statedir_is_name(value))
		return fail_set(fail, -EINVAL,
				"--name " SHOWN ": not a name; write 1 to %d "
				"of a-z, 0-9 and, not first, '_', '.', '-'",
				value, STATEDIR_NAME_LEN);
	config->name = value;
	return 0;
}

int setting_signal(struct config *config, char *value, struct fail *fail)
{
	const char *name = strncasecmp(value, "SIG", 3) ? value : value + 3;
	uint64_t number = 0;

	if (parse_uint(value, 1, SIGRTMAX, &number))
		number = 0;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (strcasecmp(name, signals[i].name) &&
		    number != (uint64_t)signals[i].number)
			continue;
		config->signal = signals[i].number;
		return 0;
	}
	return fail_set(fail, -EINVAL,
			"--signal " SHOWN ": not one that a machine takes; "
			"give HUP, INT, QUIT, KILL, USR1, USR2, TERM, CONT or "
			"TSTP",
			value);
}

int setting_cpus(struct config *config, char *value, struct fail *fail)
{
	uint64_t parts;

	if (parse_thousandths(value, &parts) || parts < CPU_PARTS_MIN ||
	    parts > LAYOUT_MAX_CPUS * 1000ULL)
		return fail_set(fail, -EINVAL,
				"--cpus " SHOWN ": not a number of processors; "
				"give one from 1 to %d, or a part, e.g. 0.5 or "
				"1.25",
				value, LAYOUT_MAX_CPUS);
	config->cpus = (parts + 999) / 1000;
	config->cpu_parts = parts % 1000 ? parts : 0;
	return 0;
}

int setting_memory(struct config *config, char *value, struct fail *fail)
{
	if (parse_size(value, &config->memory) || config->memory % KIB(4) != 0)
		return fail_set(fail, -EINVAL,
				"--memory %s: not a size in whole pages; write "
				"e.g. 512M or 2G",
				value);
	if (config->memory < MEMORY_MIN || config->memory > MEMORY_MAX)
		return fail_set(fail, -EINVAL,
				"--memory %s: out of range; give a size from "
				"%lluM to %lluG",
				value, MEMORY_MIN / (unsigned long long)MIB(1),
				MEMORY_MAX / (unsigned long long)GIB(1));
	return 0;
}

int setting_pids(struct config *config, char *value, struct fail *fail)
{
	if (parse_uint(value, 1, PIDS_MAX, &config->pids))
		return fail_set(fail, -EINVAL,
				"--pids %s: not a number of processes; give "
				"one from 1 to %d",
				value, PIDS_MAX);
	return 0;
}

int setting_tmp_size(struct config *config, char *value, struct fail *fail)
{
	uint64_t size;

	if (parse_size(value, &size) || !size || size % KIB(4) != 0)
		return fail_set(fail, -EINVAL,
				"--tmp-size %s: not a size in whole pages; "
				"write e.g. 64M",
				value);
	config->tmp_size = size;
	return 0;
}

int setting_env(struct config *config, char *value, struct fail *fail)
{
	if (!*value || *value == '=')
		return fail_set(fail, -EINVAL,
				"--env " SHOWN ": not a variable; write "
				"NAME=VALUE or NAME",
				value);
	if (config->env_cnt == CONFIG_MAX_ENV)
		return fail_set(fail, -EINVAL,
				"--env %s: more than %d variables", value,
				CONFIG_MAX_ENV);
	config->env[config->env_cnt++] = value;
	return 0;
}

int setting_env_file(struct config *config, char *value, struct fail *fail)
{
	if (config->env_file_cnt == CONFIG_MAX_ENV_FILES)
		return fail_set(fail, -EINVAL,
				"--env-file " SHOWN ": more than %d files",
				value, CONFIG_MAX_ENV_FILES);
	config->env_file[config->env_file_cnt++] = value;
	return 0;
}

int setting_hostname(struct config *config, char *value, struct fail *fail)
{
	static const char marks[] = "-._";
	size_t len = 0;

	while (isalnum((unsigned char)value[len]) ||
	       (len && value[len] && strchr(marks, value[len])))
		len++;
	if (!len || value[len] || len > HOST_NAME_MAX)
		return fail_set(fail, -EINVAL,
				"--hostname " SHOWN ": not a name; write 1 to "
				"%d letters, digits, '-', '.' or '_'",
				value, HOST_NAME_MAX);
	config->hostname = value;
	return 0;
}

static int parse_limit(const char *text, uint64_t *limit)
{
	if (strcmp(text, "unlimited") == 0) {
		*limit = UINT64_MAX;
		return 0;
	}
	return parse_uint(text, 0, UINT64_MAX - 1, limit);
}

/* SOFT[:HARD]; one alone is both. */
static bool parse_limits(char *text, struct guest_rlimit *limit)
{
	char *colon = strchr(text, ':');
	bool ok;

	if (colon)
		*colon = '\0';
	ok = !parse_limit(text, &limit->soft) &&
	     !parse_limit(colon ? colon + 1 : text, &limit->hard) &&
	     limit->soft <= limit->hard;
	if (colon)
		*colon = ':';
	return ok;
}

static const struct ulimit_row *find_ulimit(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(ulimits); i++) {
		if (strlen(ulimits[i].name) == len &&
		    memcmp(ulimits[i].name, name, len) == 0)
			return &ulimits[i];
	}
	return NULL;
}

int setting_ulimit(struct config *config, char *value, struct fail *fail)
{
	size_t len = strcspn(value, "=");
	const struct ulimit_row *row = find_ulimit(value, len);
	struct guest_rlimit limit;
	unsigned int i = 0;

	if (!row)
		return fail_set(fail, -EINVAL,
				"--ulimit " SHOWN ": unknown; NAME is one "
				"of " SETTING_ULIMIT_NAMES,
				value);
	limit.name = row->name;
	limit.resource = row->resource;
	if (!value[len] || !parse_limits(value + len + 1, &limit))
		return fail_set(fail, -EINVAL,
				"--ulimit " SHOWN ": not a limit; write "
				"NAME=SOFT[:HARD], numbers or unlimited, SOFT "
				"not above HARD",
				value);
	while (config->ulimit[i].name &&
	       config->ulimit[i].resource != limit.resource)
		i++;
	config->ulimit[i] = limit;
	return 0;
}

int setting_cap_drop(struct config *config, char *value, struct fail *fail)
{
	int cap = caps_find(value);

	if (strcasecmp(value, "ALL") == 0)
		config->cap_drop = UINT64_MAX;
	else if (cap < 0)
		return fail_set(fail, -EINVAL,
				"--cap-drop " SHOWN ": unknown; write ALL, or "
				"a name of capabilities(7), e.g. NET_ADMIN",
				value);
	else
		config->cap_drop |= 1ULL << cap;
	return 0;
}

int setting_cap_add(struct config *config, char *value, struct fail *fail)
{
	int cap = caps_find(value);

	if (cap < 0)
		return fail_set(fail, -EINVAL,
				"--cap-add " SHOWN ": unknown; write a name of "
				"capabilities(7), e.g. NET_ADMIN",
				value);
	config->cap_add |= 1ULL << cap;
	return 0;
}

int setting_stop_timeout(struct config *config, char *value, struct fail *fail)
{
	uint64_t seconds;

	if (parse_uint(value, 0, STOP_TIMEOUT_MAX, &seconds))
		return fail_set(fail, -EINVAL,
				"--stop-timeout %s: not a number of seconds; "
				"give one from 0 to %d",
				value, STOP_TIMEOUT_MAX);
	config->stop_timeout = seconds;
	return 0;
}

int setting_timeout(struct config *config, char *value, struct fail *fail)
{
	uint64_t ns;

	if (parse_duration(value, &ns) || !ns || ns > INT64_MAX)
		return fail_set(fail, -EINVAL,
				"--timeout %s: not a time; give e.g. 90, 1.5m "
				"or 2h",
				value);
	config->timeout = value;
	config->timeout_ns = ns;
	return 0;
}

int setting_output_limit(struct config *config, char *value, struct fail *fail)
{
	uint64_t size;

	if (parse_size(value, &size) || !size)
		return fail_set(fail, -EINVAL,
				"--output-limit %s: not a size; write e.g. 10M",
				value);
	config->output_limit = value;
	config->output_max = size;
	return 0;
}

int setting_workdir(struct config *config, char *value, struct fail *fail)
{
	if (value[0] != '/')
		return fail_set(fail, -EINVAL,
				"--workdir %s: not an absolute path", value);
	config->workdir = value;
	return 0;
}

/* A user's or a group's: names are looked up in the guest, which has them. */
static bool is_id_or_name(const char *text)
{
	uint64_t id;

	if (!text[strspn(text, "0123456789")])
		return !parse_uint(text, 0, ID_MAX, &id);
	if (text[0] == '-' || strlen(text) > NAME_MAX_LEN)
		return false;
	while ((unsigned char)*text > ' ' && *text != ':' && *text != '\x7f')
		text++;
	return !*text;
}

int setting_user(struct config *config, char *value, struct fail *fail)
{
	char *colon = strchr(value, ':');

	config->user = value;
	config->group = colon ? colon + 1 : NULL;
	if (colon)
		*colon = '\0';
	if (is_id_or_name(value) && (!colon || is_id_or_name(config->group)))
		return 0;
	return fail_set(fail, -EINVAL,
			"--user " SHOWN "%s" SHOWN ": not a user; write "
			"UID[:GID] or NAME[:GROUP]",
			value, colon ? ":" : "", colon ? config->group : "");
}

int setting_group_add(struct config *config, char *value, struct fail *fail)
{
	if (!is_id_or_name(value))
		return fail_set(fail, -EINVAL,
				"--group-add " SHOWN ": not a group; write a "
				"number or a name",
				value);
	if (config->add_group_cnt == CONFIG_MAX_GROUPS)
		return fail_set(fail, -EINVAL,
				"--group-add %s: more than %d groups", value,
				CONFIG_MAX_GROUPS);
	config->add_group[config->add_group_cnt++] = value;
	return 0;
}

int setting_share(struct config *config, char *value, struct fail *fail)
{
	return share_parse(config, value, fail);
}

int setting_volume(struct config *config, char *value, struct fail *fail)
{
	return volume_parse(config, value, fail);
}

int setting_overlay(struct config *config, char *value, struct fail *fail)
{
	if (value && !*value)
		return fail_set(fail, -EINVAL,
				"--overlay: no directory; give --overlay=DIR, "
				"or --overlay alone for one in memory");
	config->overlay = true;
	config->overlay_dir = value;
	return 0;
}

int setting_root_options(struct config *config, char *value, struct fail *fail)
{
	return share_parse_options(&config->root, "--root-options", value,
				   fail);
}

int setting_owner(struct config *config, char *value, struct fail *fail)
{
	if (!owner_parse(&config->owner, value))
		return 0;
	return fail_set(fail, -EINVAL, "--owner %s: unknown; write one of %s",
			value, OWNER_WORDS);
}
