/*
 * The command in the guest, seen from the host: four ports of a virtio-console
 * (boot/guest/abi.h), a control port that tells how it fares and three streams.
 */
#ifndef VMM_COMMAND_H
#define VMM_COMMAND_H

#include <stdbool.h>

#include "boot/guest/abi.h"
#include "devices/stream.h"
#include "devices/virtio/mmio.h"
#include "devices/virtio_console.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/terminal.h"
#include "vmm/control.h"
#include "vmm/exchange.h"

struct config;
struct fail;
struct machine;
struct timing;

/** enum command_step - How far a command is; only ever forward */
enum command_step {
	COMMAND_BOOTS, /* nothing was heard of the guest */
	COMMAND_INIT,  /* its init has said HELLO */
	COMMAND_RUNS,  /* STARTED: signals are the command's */
};

/**
 * struct command - A command and its streams [loop]
 * @machine:	Ended when the command has [borrowed]
 * @timing:	Gets the guest's times [borrowed]
 * @warnings:	Budget of the init's warnings ...
 * @verbose:	... which are shown
 * @stop_s:	Seconds that the command gets to end after a signal
 * @step:	How far it is
 * @end_sig:	First signal that told it to end, or 0
 * @end_ns:	When that was
 * @timeout:	Time that it has, for people
 * @expired:	It has no more
 * @killed:	It was not waited for
 * @output_limit: How much it may write, for people
 * @limit:	The same for its streams
 * @log_full:	A log has reached it
 * @ready:	@console was initialised
 * @console:	Device
 * @mmio:	Its registers
 * @has_tty:	It has a terminal
 * @terminal:	Ours at standard input, if @has_tty
 * @control_port: Port of @console
 * @control:	What is said there
 * @in:		Standard input
 * @out:	Standard output
 * @err:	Standard error
 * @exchange:	More commands; empty if the machine has no name
 * @started_fd:	Closed after a byte when it runs; -1: nobody waits [owned]
 * @deadline:	Timer until the next step of the start, or the end [owned]
 * @expiry:	Timer until its time is over [owned]
 */
struct command {
	struct machine *machine;
	struct timing *timing;
	struct log_limit warnings;
	bool verbose;
	unsigned int stop_s;
	enum command_step step;
	int end_sig;
	uint64_t end_ns;
	const char *timeout;
	bool expired;
	bool killed;
	const char *output_limit;
	struct stream_limit limit;
	bool log_full;
	bool ready;
	struct virtio_console console;
	struct virtio_mmio mmio;
	bool has_tty;
	struct terminal terminal;
	struct console_port *control_port;
	struct control control;
	struct stream in;
	struct stream out;
	struct stream err;
	struct exchange exchange;
	int started_fd;
	struct loop_source deadline;
	struct loop_source expiry;
};

/**
 * command_wants_tty() - Is the command to have a terminal?
 *
 * Before command_init(), which takes the streams.
 * #syscalls: ioctl
 */
bool command_wants_tty(const struct config *config);

/**
 * command_window() - GUEST_WINDOW() of the terminal that we have; 0: none, or
 *		      it does not know
 */
uint32_t command_window(const struct command *c);

/**
 * command_init() - Add the ports to a machine
 * @c:		Filled; to be destroyed whatever the result
 * @m:		Machine, still being built; outlives @c
 * @timing:	Gets the guest's times
 * @config:	How verbose it is, and how patient with the command
 * @fail:	Receives one line if something is wrong
 *
 * The guest has two minutes for each step: until its init speaks, and until
 * the command was executed. From then on signals are passed on to it.
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls: timerfd_create timerfd_settime
 * #syscalls(loop): read timerfd_settime
 */
int command_init(struct command *c, struct machine *m, struct timing *timing,
		 const struct config *config, struct fail *fail);

/**
 * command_open() - Let others know of it, and run more of them beside it
 * @c:		Command, initialised
 * @door_fd:	Where clients come from, see door_receive(); -1: none do [moved]
 * @started_fd:	Gets a byte when it runs; -1: nobody waits [moved]
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls(loop): write
 */
int command_open(struct command *c, int door_fd, int started_fd,
		 struct fail *fail);

/**
 * command_drain() - Deliver what the guest left in its queues, after
 *		     machine_run(): waits for slow readers as any process does
 *
 * Our terminal is what it was, then. The last message of the control port may
 * be among what was left. Output that could not
 * be written is reported, unless its reader went away.
 *
 * Return: 0 or a negative errno if output was lost
 */
int command_drain(struct command *c);

/** command_destroy() - Release everything; accepts a half-built command */
void command_destroy(struct command *c);

#endif /* VMM_COMMAND_H */
