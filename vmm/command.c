/*
 * The command in the guest, seen from the host.
 *
 * Theory of operation: the start has two steps, each with a deadline: until the
 * guest's init says HELLO, and from there until the command was executed. From
 * then on it may take as long as it likes. Standard input is held back until
 * HELLO, because init takes a closed port for one that is not there yet; if the
 * command has a terminal, until it was executed and ours is raw.
 *
 * Signals are the command's as soon as it runs, and it ends when it likes. But
 * one that tells it to end is a promise to who sent it: if the command is still
 * there after some time, or when it is told again, the machine ends. The end of
 * the time that it was given is such a signal, and decides the status.
 *
 * The machine ends with the message ENDED, without waiting for the guest to
 * switch itself off: by then all its data are on the host. What the command
 * wrote last may still be in the rings, and is delivered afterwards.
 */
#include "vmm/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/config.h"
#include "vmm/machine.h"
#include "vmm/timing.h"

/* Emulated hosts need most of a minute; nobody else comes near. Where a stock
 * kernel is known not to run, nobody shall wait for that.
 */
enum { STEP_SECONDS = 120, HOPELESS_SECONDS = 2 };

/* Of a command that is too late, nobody waits longer for a slow reader. */
enum { LATE_PATIENCE_MS = 1000 };

/* At the end: of VIRTIO_MAX_BATCH messages each, more than init ever sends. */
enum { DRAIN_TURNS = 16 };

/* timeout(1), for one, sends its signal twice: so close, they are one. */
enum { ONE_SIGNAL_NS = 500000000 };

static const char *const port_names[GUEST_NUM_PORTS] = GUEST_PORT_NAMES;

/* Start the timer again, or stop it with 0. */
static void set_deadline(struct command *c, time_t seconds)
{
	struct itimerspec spec = {.it_value.tv_sec = seconds};

	timerfd_settime(c->deadline.fd, 0, &spec, NULL);
}

/* Do not wait for the command, or wait no longer. */
static void kill_machine(struct command *c, int sig)
{
	c->killed = true;
	machine_end(c->machine, OUTCOME_SIGNAL, sig, NULL);
}

static void deadline_passed(struct loop_source *source, uint32_t events)
{
	struct command *c = CONTAINER_OF(source, struct command, deadline);

	(void)events;
	fd_event_clear(source->fd);
	if (c->end_sig)
		kill_machine(c, c->end_sig);
	else if (c->step == COMMAND_INIT)
		machine_end(c->machine, OUTCOME_TIMEOUT, 0,
			    "init did not start the command in 120 s");
	else if (c->machine->kvm.stock)
		machine_end(c->machine, OUTCOME_TIMEOUT, 0,
			    "the kernel did not start init in 120 s");
	else
		machine_end(c->machine, OUTCOME_KVM_ERROR, 0,
			    KVM_NO_STOCK_KERNELS);
}

/* The kernel's clock began @clock_ns before the init said hello. */
static void init_is_up(struct command *c, uint64_t clock_ns)
{
	uint64_t now = timing_now_ns();

	if (c->step >= COMMAND_INIT)
		return;
	c->step = COMMAND_INIT;
	timing_mark(c->timing, TIMING_INIT);
	if (clock_ns < now)
		c->timing->at_ns[TIMING_KERNEL_ENTRY] = now - clock_ns;
	set_deadline(c, STEP_SECONDS);
	if (!c->has_tty)
		stream_release(&c->in);
}

static void command_runs(struct command *c)
{
	if (c->step >= COMMAND_RUNS)
		return;
	c->step = COMMAND_RUNS;
	timing_mark(c->timing, TIMING_STARTED);
	set_deadline(c, 0);
	if (c->started_fd >= 0)
		fd_event_signal(c->started_fd);
	fd_close(&c->started_fd);
	if (!c->has_tty)
		return;
	/* Until now ^C was ours. */
	terminal_make_raw(&c->terminal);
	stream_release(&c->in);
}

bool command_wants_tty(const struct config *config)
{
	return config->tty || (!config->interactive && isatty(STDIN_FILENO) &&
			       isatty(STDOUT_FILENO));
}

uint32_t command_window(const struct command *c)
{
	unsigned int rows, columns;

	if (!terminal_window(c->terminal.fd, &rows, &columns) &&
	    !terminal_window(c->out.fd, &rows, &columns))
		return 0;
	return GUEST_WINDOW(rows, columns);
}

static void handle_message(void *opaque, const struct control_message *message)
{
	struct command *c = opaque;

	switch (message->type) {
	case GUEST_MSG_HELLO:
		init_is_up(c, message->clock_ns);
		break;
	case GUEST_MSG_STARTED:
		command_runs(c);
		break;
	case GUEST_MSG_ENDED:
		timing_mark(c->timing, TIMING_ENDED);
		machine_end(c->machine,
			    c->expired ? OUTCOME_EXPIRED : OUTCOME_COMMAND,
			    message->value, NULL);
		break;
	case GUEST_MSG_FAILED:
		machine_end(c->machine, OUTCOME_GUEST_FAILED, message->value,
			    message->text);
		break;
	case GUEST_MSG_WARNING:
		if (c->verbose)
			log_guest(&c->warnings, "guest", "%s", message->text);
		break;
	}
}

static ssize_t control_output(void *opaque, struct iov_cursor *data)
{
	struct command *c = opaque;

	return (ssize_t)control_receive(&c->control, data);
}

static ssize_t control_input(void *opaque, struct iov_cursor *room)
{
	struct command *c = opaque;

	return control_give(&c->control, room);
}

static const struct console_port_ops control_ops = {
	.output = control_output,
	.input = control_input,
};

/* The command was told to end. True if it has to. */
static bool must_end(struct command *c, int sig)
{
	uint64_t now = timing_now_ns();

	if (!c->stop_s)
		return true;
	if (c->end_sig)
		return now - c->end_ns >= ONE_SIGNAL_NS;
	c->end_sig = sig;
	c->end_ns = now;
	set_deadline(c, c->stop_s);
	return false;
}

/* The window may have changed; also while we were stopped. */
static void tell_window(struct command *c)
{
	if (!c->has_tty)
		return;
	control_resize(&c->control, command_window(c));
	console_port_resume_input(c->control_port);
}

static void pass_on(struct command *c, int sig, bool to_group)
{
	/* Its own terminal says so better than a signal and errors after it. */
	if (sig == SIGHUP && terminal_is_closed(&c->terminal))
		control_hang_up(&c->control);
	else
		control_signal(&c->control, sig, to_group);
	console_port_resume_input(c->control_port);
}

static void signal_came(void *opaque, int sig, bool to_group)
{
	bool tells_to_end = sig == SIGHUP || sig == SIGINT || sig == SIGQUIT ||
			    sig == SIGTERM;
	bool is_news = sig == SIGWINCH || sig == SIGCONT;
	struct command *c = opaque;

	if (is_news)
		tell_window(c);
	if (c->step < COMMAND_RUNS ? !is_news
				   : tells_to_end && must_end(c, sig))
		kill_machine(c, sig);
	else if (c->step >= COMMAND_RUNS && !(c->has_tty && sig == SIGWINCH))
		pass_on(c, sig, to_group);
}

/* For the command as if somebody had told it to end, unless somebody has. From
 * now on it is too late, however the guest ends.
 */
static void time_is_up(struct loop_source *source, uint32_t events)
{
	struct command *c = CONTAINER_OF(source, struct command, expiry);

	(void)events;
	fd_event_clear(source->fd);
	c->expired = true;
	machine_note(c->machine, OUTCOME_EXPIRED, 0, c->timeout);
	if (!c->end_sig)
		signal_came(c, SIGTERM, false);
}

static bool output_is_full(void *opaque)
{
	struct command *c = opaque;

	machine_end(c->machine, OUTCOME_OUTPUT, 0, c->output_limit);
	return true;
}

/* Nobody has asked for a limit; but a log may not fill a file system. */
static bool log_is_full(void *opaque)
{
	struct command *c = opaque;

	if (!c->log_full)
		log_line("log: is full; what the command writes from here on "
			 "is lost (--output-limit SIZE)");
	c->log_full = true;
	return false;
}

/* Own one of the standard descriptors under another number, so that closing it
 * is seen at its other end: its number then means /dev/null.
 */
static int take_standard(int number)
{
	int fd = fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	autofd null = -1;

	if (fd < 0)
		return -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0)
		dup2(null, number);
	return fd;
}

/* Ports get their numbers in the order of enum guest_port. */
static int add_ports(struct command *c)
{
	int err;

	err = virtio_console_add_port(&c->console,
				      port_names[GUEST_PORT_CONTROL],
				      &control_ops, c, &c->control_port);
	if (!err)
		err = stream_attach(&c->in, &c->console,
				    port_names[GUEST_PORT_STDIN]);
	if (!err)
		err = stream_attach(&c->out, &c->console,
				    port_names[GUEST_PORT_STDOUT]);
	if (!err)
		err = stream_attach(&c->err, &c->console,
				    port_names[GUEST_PORT_STDERR]);
	return err;
}

/* The monitor itself still writes to standard error: that is not closed. */
static int init_console(struct command *c)
{
	struct machine *m = c->machine;
	int err;

	if (c->has_tty)
		terminal_init(&c->terminal, STDIN_FILENO);
	stream_init(&c->in, STREAM_IN, take_standard(STDIN_FILENO), true);
	stream_init(&c->out, STREAM_OUT, take_standard(STDOUT_FILENO), true);
	stream_init(&c->err, STREAM_OUT, STDERR_FILENO, false);
	if (c->limit.left) {
		stream_limit(&c->out, &c->limit);
		stream_limit(&c->err, &c->limit);
	}
	stream_hold(&c->in);
	c->ready = true;
	err = virtio_console_init(&c->console, &m->mem, &m->loop);
	if (!err)
		err = add_ports(c);
	if (!err)
		err = machine_add_device(m, &c->console.dev, &c->mmio);
	return err;
}

static int init_deadline(struct command *c)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	c->deadline = (struct loop_source){.fd = fd, .ready = deadline_passed};
	set_deadline(c,
		     c->machine->kvm.stock ? STEP_SECONDS : HOPELESS_SECONDS);
	return loop_add(&c->machine->loop, &c->deadline, EPOLLIN);
}

static int init_expiry(struct command *c, uint64_t ns)
{
	const struct itimerspec spec = {
		.it_value = {.tv_sec = (time_t)(ns / NS_PER_S),
			     .tv_nsec = (long)(ns % NS_PER_S)},
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	c->expiry = (struct loop_source){.fd = fd, .ready = time_is_up};
	timerfd_settime(fd, 0, &spec, NULL);
	return loop_add(&c->machine->loop, &c->expiry, EPOLLIN);
}

int command_init(struct command *c, struct machine *m, struct timing *timing,
		 const struct config *config, struct fail *fail)
{
	int err;

	*c = (struct command){
		.machine = m,
		.timing = timing,
		.verbose = config->verbose,
		.stop_s = config->stop_timeout,
		.timeout = config->timeout,
		.output_limit = config->output_limit,
		.limit = {config->output_max,
			  config->output_limit ? output_is_full : log_is_full,
			  c},
		.has_tty = command_wants_tty(config),
		.terminal = {.fd = -1},
		.control = {.handle = handle_message, .opaque = c},
		.started_fd = -1,
		.deadline = {.fd = -1},
		.expiry = {.fd = -1},
	};
	m->on_signal = (struct machine_signals){signal_came, c};
	err = init_console(c);
	if (!err)
		err = init_deadline(c);
	if (!err && c->timeout)
		err = init_expiry(c, config->timeout_ns);
	return err ? fail_set(fail, err, "console: %s", strerror(-err)) : 0;
}

int command_open(struct command *c, int door_fd, int started_fd,
		 struct fail *fail)
{
	int err;

	c->started_fd = started_fd;
	if (door_fd < 0)
		return 0;
	err = exchange_init(&c->exchange, &c->console, door_fd);
	return err ? fail_set(fail, err, "console: %s", strerror(-err)) : 0;
}

/* A reader that went away did so on purpose; EIO is how a terminal says it. */
static int drain(const struct command *c, struct stream *stream,
		 const char *noun)
{
	int err = stream_drain(stream, c->expired ? LATE_PATIENCE_MS : -1);

	if (!err || err == -EPIPE || err == -EDQUOT ||
	    (err == -EIO && c->has_tty))
		return 0;
	log_line("%s: %s", noun,
		 err == -ETIMEDOUT ? "nobody reads it" : strerror(-err));
	return err;
}

int command_drain(struct command *c)
{
	int out, err;

	terminal_restore(&c->terminal);
	for (int i = 0;
	     i < DRAIN_TURNS && console_port_resume_output(c->control_port);)
		i++;
	exchange_drain(&c->exchange);
	if (c->killed && c->machine->outcome.kind != OUTCOME_COMMAND)
		return 0;
	out = drain(c, &c->out, "stdout");
	err = drain(c, &c->err, "stderr");
	return out ? out : err;
}

void command_destroy(struct command *c)
{
	if (!c->ready)
		return;
	virtio_console_destroy(&c->console);
	exchange_destroy(&c->exchange);
	stream_destroy(&c->in);
	stream_destroy(&c->out);
	stream_destroy(&c->err);
	terminal_destroy(&c->terminal);
	fd_close(&c->deadline.fd);
	fd_close(&c->expiry.fd);
	fd_close(&c->started_fd);
	c->ready = false;
}
