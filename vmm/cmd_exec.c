/*
 * wherry exec: one more command in a machine that runs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot/bytes.h"
#include "boot/guest/abi.h"
#include "boot/guest/frame.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/terminal.h"
#include "vmm/cmd.h"
#include "vmm/command.h"
#include "vmm/config.h"
#include "vmm/door.h"
#include "vmm/environment.h"
#include "vmm/outcome.h"
#include "vmm/remote.h"
#include "vmm/statedir.h"

static const char *const spec_keys[GUEST_NUM_SPEC_KEYS] = GUEST_SPEC_KEYS;

static void put(struct bytes *out, enum guest_spec_key key, const char *value)
{
	if (!value)
		return;
	bytes_append(out, spec_keys[key], strlen(spec_keys[key]));
	bytes_append(out, value, strlen(value) + 1);
}

static void put_terminal(struct bytes *out)
{
	unsigned int rows, columns;
	char text[16];

	if (!terminal_window(STDIN_FILENO, &rows, &columns) &&
	    !terminal_window(STDOUT_FILENO, &rows, &columns))
		rows = columns = 0;
	snprintf(text, sizeof(text), "%u", GUEST_WINDOW(rows, columns));
	put(out, GUEST_SPEC_TERMINAL, text);
}

static void put_all(struct bytes *out, const struct config *config,
		    char *const *env)
{
	for (char *const *arg = config->argv; *arg; arg++)
		put(out, GUEST_SPEC_ARG, *arg);
	for (; *env; env++)
		put(out, GUEST_SPEC_ENV, *env);
	put(out, GUEST_SPEC_USER, config->user);
	put(out, GUEST_SPEC_GROUP, config->group);
	put(out, GUEST_SPEC_WORKDIR, config->workdir);
}

static int make_request(struct bytes *out, const struct config *config,
			bool has_tty, struct fail *fail)
{
	struct environment env;
	int err = environment_init_given(&env, config, has_tty, fail);

	if (!err) {
		put_all(out, config, env.var);
		if (has_tty)
			put_terminal(out);
		if (out->err)
			err = fail_set(fail, out->err, "command: %s",
				       strerror(-out->err));
		else if (out->len > FRAME_MAX_REQUEST)
			err = fail_set(fail, -E2BIG,
				       "command: arguments and environment are "
				       "too long; %d bytes are the most",
				       FRAME_MAX_REQUEST);
	}
	environment_destroy(&env);
	return err;
}

static int connect_to(const struct config *config, int *fd, struct fail *fail)
{
	struct statedir dir;
	int err = statedir_open(&dir, config->name, fail);

	if (!err) {
		*fd = door_connect(dir.dir_fd, STATEDIR_SOCKET);
		err = *fd < 0 ? *fd : 0;
		if (err)
			fail_set(fail, err, "machine %s: %s", config->name,
				 strerror(-err));
	}
	statedir_close(&dir);
	return err;
}

int cmd_exec(const struct config *config)
{
	bool has_tty = command_wants_tty(config);
	struct bytes request = {0};
	struct fail fail = {0};
	int status = OUTCOME_FAILURE;
	autofd fd = -1;

	if (!make_request(&request, config, has_tty, &fail) &&
	    !connect_to(config, &fd, &fail))
		status = remote_run(fd, request.data, request.len, has_tty,
				    &fail);
	bytes_destroy(&request);
	if (fail.text[0])
		log_line("%s", fail.text);
	return status;
}
