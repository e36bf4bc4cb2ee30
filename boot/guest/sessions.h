/*
 * Commands besides the machine's own: sessions, which share a port (frame.h).
 *
 * Theory of operation: nothing here blocks, but for the start of a command. One
 * frame at a time is on its way to the port; the next is made when it has gone,
 * by each session in turn. What a session has to say waits as a bit or a number
 * in it, and its output in the command's own pipes: so nothing piles up.
 *
 * A session ends when its command does, as soon as what the command wrote was
 * read. What it left running goes on, without its streams. If the client goes
 * first, the command gets SIGHUP and, after some time, SIGKILL.
 */
#ifndef BOOT_GUEST_SESSIONS_H
#define BOOT_GUEST_SESSIONS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "boot/guest/abi.h"
#include "boot/guest/command.h"
#include "boot/guest/frame.h"

struct plan;

/* What poll() waits for: the port, three ends of each session */
enum { SESSIONS_POLL_FDS = 1 + FRAME_SESSIONS * FRAME_STREAMS };

/**
 * struct session - A command
 * @used:	It is there; nothing else counts if not
 * @started:	It runs or did, else it could not
 * @tell:	Frames to be sent: BIT(enum frame_type) of STARTED, FAILED
 * @end:	... and of END, BIT(stream)
 * @why:	Text and value of FAILED
 * @command:	Process and streams; ends that were closed are -1 [owned]
 * @status:	Exit status, -1 while it runs
 * @readable:	BIT(stream): there is something to read
 * @credit:	What may be sent of stdout and stderr
 * @in:		To be written to stdin
 * @in_ended:	And then nothing more
 * @written:	Credit for stdin to be given back
 * @closed:	Nobody is there any more
 * @kill_ms:	Then: time when it is killed
 */
struct session {
	bool used;
	bool started;
	unsigned int tell;
	unsigned int end;
	struct guest_msg why;
	struct command command;
	int status;
	unsigned int readable;
	uint32_t credit[FRAME_STREAMS];
	struct fifo in;
	bool in_ended;
	uint32_t written;
	bool closed;
	int64_t kill_ms;
};

/**
 * struct sessions - All sessions
 * @port_fd:	The port; -1 if it is of no use any more [borrowed]
 * @plan:	The machine's [borrowed]
 * @ending:	The machine ends: no session begins
 * @finishing:	... and none waits for a reader
 * @turn:	Whose turn it is to send
 * @reader:	From the port
 * @writer:	To the port
 * @session:	By number
 */
struct sessions {
	int port_fd;
	const struct plan *plan;
	bool ending;
	bool finishing;
	unsigned int turn;
	struct frame_reader reader;
	struct frame_writer writer;
	struct session session[FRAME_SESSIONS];
};

/**
 * sessions_new() - Make a place for sessions
 * @port_fd:	Their port, non-blocking; outlives the result
 * @plan:	What the machine runs; outlives the result
 *
 * Return: it, to be free()d; NULL without memory
 */
struct sessions *sessions_new(int port_fd, const struct plan *plan);

/** sessions_wait_for() - Say what sessions wait for */
void sessions_wait_for(const struct sessions *ss,
		       struct pollfd poll_fds[SESSIONS_POLL_FDS]);

/**
 * sessions_move() - Do all that can be done without waiting
 * @ss:		Sessions
 * @poll_fds:	As sessions_wait_for() filled them and poll() answered
 */
void sessions_move(struct sessions *ss,
		   const struct pollfd poll_fds[SESSIONS_POLL_FDS]);

/**
 * sessions_reaped() - A child has ended
 * @ss:		Sessions
 * @pid:	It; nothing happens if it is no session's
 * @status:	Its exit status, 128 + n if signal n ended it
 */
void sessions_reaped(struct sessions *ss, pid_t pid, int status);

/** sessions_timeout_ms() - When sessions_move() has something to do, -1: never
 */
int sessions_timeout_ms(const struct sessions *ss);

/** sessions_refuse() - The machine ends: who asks from now on is told so */
void sessions_refuse(struct sessions *ss);

/**
 * sessions_finish() - All commands have ended: send what can be sent
 *
 * Return: true when nothing more can
 */
bool sessions_finish(struct sessions *ss);

#endif /* BOOT_GUEST_SESSIONS_H */
