/*
 * A daemon that speaks vhost-user, and the front-end's side of that protocol.
 */
#include "tests/bench/lib/vhost.h"

#include <errno.h>
#include <linux/vhost_types.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"

/* Requests, by the specification's names. */
enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
};

enum {
	VERSION = 1, /* in the flags of each message */
	NEED_REPLY = 1 << 3,
	MAX_WORDS = 32,
	PATIENCE_MS = 2000,
};

#define F_PROTOCOL_FEATURES BIT(30)
#define PROTOCOL_F_REPLY_ACK BIT(3)

/** struct message - What is sent and received, with the payloads used here */
struct message {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	union {
		uint64_t u64;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			uint32_t region_cnt;
			uint32_t padding;
			uint64_t gpa;
			uint64_t len;
			uint64_t user_addr;
			uint64_t mmap_offset;
		} memory;
	};
} __attribute__((packed));

enum { HEADER_LEN = offsetof(struct message, u64) };

/* Send a message, with a descriptor unless that is -1. */
static int send_message(int socket_fd, const struct message *m, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec iov = {(void *)(uintptr_t)m, HEADER_LEN + m->size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c = (void *)control;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(socket_fd, &msg, MSG_NOSIGNAL) != (ssize_t)iov.iov_len)
		return -EPIPE;
	return 0;
}

/* All replies to what is sent here are a number. */
static int receive(int socket_fd, uint32_t request, uint64_t *value)
{
	struct message m;

	if (recv(socket_fd, &m, HEADER_LEN, MSG_WAITALL) != HEADER_LEN)
		return -EPIPE;
	if (m.request != request || m.size != sizeof(*value))
		return -EPROTO;
	if (recv(socket_fd, value, sizeof(*value), MSG_WAITALL) !=
	    sizeof(*value))
		return -EPIPE;
	return 0;
}

static int get(struct vhost *v, uint32_t request, uint64_t *value)
{
	const struct message m = {.request = request, .flags = VERSION};
	int err = send_message(v->socket_fd, &m, -1);

	return err ? err : receive(v->socket_fd, request, value);
}

/* Before the daemon has agreed to answer them. */
static int set_u64(struct vhost *v, uint32_t request, uint64_t value)
{
	const struct message m = {.request = request,
				  .flags = VERSION,
				  .size = sizeof(value),
				  .u64 = value};

	return send_message(v->socket_fd, &m, -1);
}

/* From then on: wait until the daemon has done it. */
static int set(struct vhost *v, struct message m, int fd)
{
	uint64_t failed = 0;
	int err;

	m.flags = VERSION | NEED_REPLY;
	err = send_message(v->socket_fd, &m, fd);
	if (!err)
		err = receive(v->socket_fd, m.request, &failed);
	return err || !failed ? err : -EIO;
}

static int agree(struct vhost *v)
{
	const uint64_t wanted = VQ_FEATURES | F_PROTOCOL_FEATURES;
	const struct message owner = {.request = SET_OWNER, .flags = VERSION};
	uint64_t offered = 0, protocol = 0;
	int err = get(v, GET_FEATURES, &offered);

	if (err)
		return err;
	if (wanted & ~offered)
		return -EOPNOTSUPP;
	err = get(v, GET_PROTOCOL_FEATURES, &protocol);
	if (!err && !(protocol & PROTOCOL_F_REPLY_ACK))
		return -EOPNOTSUPP;
	if (!err)
		err = set_u64(v, SET_PROTOCOL_FEATURES, PROTOCOL_F_REPLY_ACK);
	if (!err)
		err = send_message(v->socket_fd, &owner, -1);
	return err ? err : set_u64(v, SET_FEATURES, wanted);
}

static int share_memory(struct vhost *v)
{
	autofd fd = memfd_create("guest", MFD_CLOEXEC);
	char *ram;

	if (fd < 0 || ftruncate(fd, TARGET_RAM_LEN) < 0)
		return -errno;
	ram = mmap(NULL, TARGET_RAM_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (ram == MAP_FAILED)
		return -errno;
	v->target.ram = ram;
	return set(
		v,
		(struct message){.request = SET_MEM_TABLE,
				 .size = sizeof(((struct message *)0)->memory),
				 .memory = {.region_cnt = 1,
					    .len = TARGET_RAM_LEN,
					    .user_addr = (uintptr_t)ram}},
		fd);
}

static int set_state(struct vhost *v, uint32_t request, unsigned int idx,
		     uint32_t num)
{
	return set(v,
		   (struct message){.request = request,
				    .size = sizeof(struct vhost_vring_state),
				    .state = {idx, num}},
		   -1);
}

static int set_fd(struct vhost *v, uint32_t request, unsigned int idx, int fd)
{
	return set(v,
		   (struct message){.request = request,
				    .size = sizeof(uint64_t),
				    .u64 = idx},
		   fd);
}

static int set_areas(struct vhost *v, unsigned int idx)
{
	const struct vq *vq = &v->target.vq[idx];

	return set(v,
		   (struct message){
			   .request = SET_VRING_ADDR,
			   .size = sizeof(struct vhost_vring_addr),
			   .addr = {.index = idx,
				    .desc_user_addr = (uintptr_t)vq->desc,
				    .used_user_addr = (uintptr_t)vq->used,
				    .avail_user_addr = (uintptr_t)vq->avail}},
		   -1);
}

/* All queues interrupt by one eventfd, as they do on virtio-mmio. */
static int start_queue(struct vhost *v, unsigned int idx)
{
	struct target *target = &v->target;
	int kick_fd = fd_event();
	int err;

	if (kick_fd < 0)
		return kick_fd;
	vq_init(&target->vq[idx], target->ram, idx, kick_fd);
	err = set_state(v, SET_VRING_NUM, idx, VQ_SIZE);
	if (!err)
		err = set_state(v, SET_VRING_BASE, idx, 0);
	if (!err)
		err = set_areas(v, idx);
	if (!err)
		err = set_fd(v, SET_VRING_CALL, idx, target->irq_fd);
	if (!err)
		err = set_fd(v, SET_VRING_KICK, idx, kick_fd);
	return err ? err : set_state(v, SET_VRING_ENABLE, idx, 1);
}

int vhost_connect(struct vhost *v)
{
	int err = agree(v);

	if (!err)
		err = share_memory(v);
	if (err)
		return err;
	v->target.irq_fd = eventfd(0, EFD_CLOEXEC);
	if (v->target.irq_fd < 0)
		return -errno;
	for (unsigned int i = 0; !err && i <= TARGET_REQUEST; i++)
		err = start_queue(v, i);
	return err;
}

static void run_daemon(char *command, int listen_fd)
{
	char *words[MAX_WORDS + 1] = {0};
	char fd_word[32];
	unsigned int cnt = 0;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	while (cnt < MAX_WORDS - 1 && (words[cnt] = strsep(&command, " ")))
		cnt++;
	snprintf(fd_word, sizeof(fd_word), "--fd=%d", listen_fd);
	words[cnt] = fd_word;
	execvp(words[0], words);
	_exit(127);
}

/* A socket without a name in the file system; the process that shall listen
 * at it finds it open.
 */
static int launch(struct vhost *v, char *command)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(addr);
	autofd listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (listen_fd < 0 ||
	    bind(listen_fd, (void *)&addr, sizeof(addr.sun_family)) < 0 ||
	    getsockname(listen_fd, (void *)&addr, &len) < 0 ||
	    listen(listen_fd, 1) < 0)
		return -errno;
	v->started = fork();
	if (!v->started)
		run_daemon(command, listen_fd);
	v->socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (v->started < 0 || v->socket_fd < 0 ||
	    connect(v->socket_fd, (void *)&addr, len) < 0)
		return -errno;
	return 0;
}

/* The youngest of a line of processes does the work: those above it wait for
 * it, as they must who made a process namespace.
 */
static pid_t find_server(pid_t pid)
{
	char path[64];
	int child;

	for (;;) {
		FILE *f;
		int cnt;

		snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid,
			 pid);
		f = fopen(path, "re");
		if (!f)
			return pid;
		cnt = fscanf(f, "%d", &child);
		fclose(f);
		if (cnt != 1)
			return pid;
		pid = child;
	}
}

int vhost_start(struct vhost *v, const char *name, char *command,
		struct fail *fail)
{
	struct target *target = &v->target;
	int err;

	*v = (struct vhost){.socket_fd = -1};
	target->name = name;
	err = launch(v, command);
	if (!err)
		err = vhost_connect(v);
	if (err)
		return fail_set(fail, err, "%s: vhost-user: %s", name,
				strerror(-err));
	target->pid = find_server(v->started);
	target->task_cnt = 1;
	if (clock_getcpuclockid(target->pid, &target->clock[0]))
		return fail_set(fail, -ESRCH, "%s: process %d is gone", name,
				target->pid);
	return 0;
}

/* It ends when nobody is there any more, or is ended. */
void vhost_stop(struct vhost *v)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	fd_close(&v->socket_fd);
	if (v->started <= 0)
		return;
	for (unsigned int i = 0; i < PATIENCE_MS; i++) {
		if (waitpid(v->started, NULL, WNOHANG))
			return;
		nanosleep(&ms, NULL);
	}
	kill(v->started, SIGKILL);
	waitpid(v->started, NULL, 0);
}
