/*
 * The event loop.
 */
#include "vmm/base/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/base/fd.h"

int loop_init(struct loop *loop)
{
	struct epoll_event stop = {.events = EPOLLIN | EPOLLET};
	int fd;

	*loop = (struct loop){.epoll_fd = -1, .stop_fd = -1};
	fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0)
		return -errno;
	loop->epoll_fd = fd;
	fd = fd_event();
	if (fd < 0)
		return fd;
	loop->stop_fd = fd;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &stop) < 0)
		return -errno;
	return 0;
}

void loop_destroy(struct loop *loop)
{
	fd_close(&loop->stop_fd);
	fd_close(&loop->epoll_fd);
}

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0)
		return -errno;
	return 0;
}

/* Of what was already fetched for @source, report no more than @events. */
static void mask_fetched(struct loop *loop, const struct loop_source *source,
			 uint32_t events)
{
	for (int i = 0; i < loop->event_cnt; i++) {
		if (loop->events[i].data.ptr == source)
			loop->events[i].events &= events;
	}
}

void loop_mod(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
	mask_fetched(loop, source, events | EPOLLERR | EPOLLHUP);
}

void loop_del(struct loop *loop, struct loop_source *source)
{
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	mask_fetched(loop, source, 0);
}

int loop_run(struct loop *loop)
{
	for (;;) {
		loop->event_cnt = epoll_wait(loop->epoll_fd, loop->events,
					     LOOP_BATCH, -1);
		if (loop->event_cnt < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < loop->event_cnt; i++) {
			struct epoll_event *event = &loop->events[i];
			struct loop_source *source = event->data.ptr;

			if (!source) {
				atomic_store(&loop->stopping, false);
				return 0;
			}
			if (event->events)
				source->ready(source, event->events);
		}
		loop->event_cnt = 0;
	}
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stopping, true);
	fd_event_signal(loop->stop_fd);
}

bool loop_is_stopping(const struct loop *loop)
{
	return atomic_load(&loop->stopping);
}
