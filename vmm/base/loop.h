/*
 * The event loop: one thread that waits for descriptors and calls their owners.
 *
 * Theory of operation: an owner embeds a loop_source and finds itself again
 * with CONTAINER_OF. Sources are added and removed on the loop's own thread or
 * while it does not run. A source is not called for what it does not wait for
 * any more (loop_del(), loop_mod()), even if the event was already fetched.
 *
 * Eventfds that are added with EPOLLET need no read(): each signal makes them
 * ready once more, whatever their count is.
 */
#ifndef VMM_BASE_LOOP_H
#define VMM_BASE_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

enum { LOOP_BATCH = 16 };

/**
 * struct loop_source - A descriptor that somebody waits for
 * @fd:		Descriptor [borrowed from the owner]
 * @ready:	Called on the loop's thread with what happened (EPOLLIN, ...)
 */
struct loop_source {
	int fd;
	void (*ready)(struct loop_source *source, uint32_t events);
};

/**
 * struct loop - An event loop
 * @epoll_fd:	[owned]
 * @stop_fd:	Eventfd that ends loop_run() [owned]
 * @stopping:	It was signalled, and loop_run() has not yet returned
 * @events:	Fetched, not yet handled [loop]
 * @event_cnt:	How many
 */
struct loop {
	int epoll_fd;
	int stop_fd;
	atomic_bool stopping;
	struct epoll_event events[LOOP_BATCH];
	int event_cnt;
};

/**
 * loop_init() - Create an empty loop
 *
 * Return: 0 or a negative errno; destroy @loop whatever the result
 * #syscalls: epoll_create1 eventfd2 epoll_ctl
 */
int loop_init(struct loop *loop);

/** loop_destroy() - Release a loop that does not run, even a half-built one */
void loop_destroy(struct loop *loop);

/**
 * loop_add() - Wait for a descriptor
 * @loop:	Loop
 * @source:	Stays with its owner; must live until loop_del()
 * @events:	EPOLLIN, EPOLLOUT, with or without EPOLLET; 0 for errors and
 *		hang-ups only
 *
 * Return: 0, -EPERM if @source->fd is a regular file or a directory (always
 *	   ready: no need to wait), or another negative errno
 * #syscalls(loop): epoll_ctl
 */
int loop_add(struct loop *loop, struct loop_source *source, uint32_t events);

/**
 * loop_mod() - Wait for other events of a descriptor that was added
 *
 * #syscalls(loop fs-aux): epoll_ctl
 */
void loop_mod(struct loop *loop, struct loop_source *source, uint32_t events);

/**
 * loop_del() - Do not wait for a descriptor any more
 *
 * #syscalls(loop): epoll_ctl
 */
void loop_del(struct loop *loop, struct loop_source *source);

/**
 * loop_run() - Call sources until loop_stop()
 *
 * Return: 0, or a negative errno if waiting itself failed
 * #syscalls(loop fs fs-aux): epoll_wait
 */
int loop_run(struct loop *loop);

/**
 * loop_stop() - Let loop_run() return; any thread, before or during it
 *
 * #syscalls(loop vcpu): write
 */
void loop_stop(struct loop *loop);

/** loop_is_stopping() - Should a source that takes its time return? */
bool loop_is_stopping(const struct loop *loop);

#endif /* VMM_BASE_LOOP_H */
