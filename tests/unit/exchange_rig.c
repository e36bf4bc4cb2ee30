/*
 * An exchange between clients and a guest, both played by the test.
 */
#include "tests/unit/exchange_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"

struct console_guest xr_guest;
struct exchange xr_exchange;
struct door xr_door;

static char dir[] = "/tmp/wherry-exchange-XXXXXX";
static int dir_fd;
static char heard[FRAME_MAX_REQUEST];
/* What the guest has read of its port and not yet looked at. */
static char unheard[1 << 20];
static size_t unheard_len;

void xr_set_up(void)
{
	strcpy(strrchr(dir, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(door_init(&xr_door, dir_fd, "exec"), 0);
	guest_init(&xr_guest);
	ck_assert_int_eq(exchange_init(&xr_exchange, &xr_guest.console,
				       fd_take(&xr_door.monitor_fd)),
			 0);
	guest_connect(&xr_guest, 0);
	unheard_len = 0;
}

void xr_tear_down(void)
{
	exchange_destroy(&xr_exchange);
	guest_destroy(&xr_guest);
	door_destroy(&xr_door);
	unlinkat(dir_fd, "exec", 0);
	fd_close(&dir_fd);
	rmdir(dir);
}

int xr_client(void)
{
	int fd = door_connect(dir_fd, "exec");

	ck_assert_int_ge(fd, 0);
	door_answer(&xr_door);
	guest_run(&xr_guest);
	return fd;
}

void xr_client_says(int fd, struct frame head, const void *payload)
{
	/* The exchange may close the connection at any byte. */
	send(fd, &head, sizeof(head), MSG_NOSIGNAL);
	guest_run(&xr_guest);
	for (size_t at = 0; at < head.len;) {
		size_t len = MIN(head.len - at, 4096);

		send(fd, (const char *)payload + at, len, MSG_NOSIGNAL);
		guest_run(&xr_guest);
		at += len;
	}
}

void xr_guest_says(struct frame head, const void *payload)
{
	char bytes[sizeof(head) + FRAME_MAX_REQUEST];
	size_t len = sizeof(head) + head.len, at, n;

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), payload, head.len);
	for (at = 0; at < len; at += n) {
		n = guest_write(&xr_guest, 0, bytes + at, len - at);
		driver_kick(&xr_guest.driver, guest_tx(0));
		guest_run(&xr_guest);
	}
}

static void guest_reads(void)
{
	size_t n;

	do {
		n = guest_read(&xr_guest, 0, unheard + unheard_len,
			       sizeof(unheard) - unheard_len);
		unheard_len += n;
		guest_run(&xr_guest);
	} while (n);
}

struct frame xr_guest_hears(void)
{
	struct frame head = {0};
	size_t len;

	guest_reads();
	if (!unheard_len)
		return head;
	ck_assert_uint_ge(unheard_len, sizeof(head));
	memcpy(&head, unheard, sizeof(head));
	ck_assert(frame_is_valid(&head, FRAME_BY_HOST));
	len = sizeof(head) + head.len;
	ck_assert_uint_ge(unheard_len, len);
	memcpy(heard, unheard + sizeof(head), head.len);
	unheard_len -= len;
	memmove(unheard, unheard + len, unheard_len);
	return head;
}

struct frame xr_client_hears(int fd)
{
	struct frame head = {0};
	ssize_t n = recv(fd, &head, sizeof(head), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return (struct frame){0};
	if (n <= 0)
		return (struct frame){.type = 255};
	ck_assert_int_eq(n, sizeof(head));
	ck_assert(frame_is_valid(&head, FRAME_BY_GUEST));
	if (head.len)
		ck_assert_int_eq(recv(fd, heard, head.len, MSG_WAITALL),
				 head.len);
	guest_run(&xr_guest);
	return head;
}

const char *xr_payload(void)
{
	return heard;
}

int xr_asking(void)
{
	int fd = xr_client();

	xr_client_says(fd, (struct frame){.type = FRAME_OPEN, .len = 7},
		       "arg=sh");
	return fd;
}

int xr_running(unsigned int session)
{
	int fd = xr_asking();
	struct frame head = xr_guest_hears();

	ck_assert_uint_eq(head.type, FRAME_OPEN);
	ck_assert_uint_eq(head.session, session);
	ck_assert_str_eq(heard, "arg=sh");
	xr_guest_says((struct frame){.type = FRAME_STARTED,
				     .session = (uint16_t)session},
		      "");
	ck_assert_uint_eq(xr_client_hears(fd).type, FRAME_STARTED);
	head = xr_client_hears(fd);
	ck_assert_uint_eq(head.type, FRAME_CREDIT);
	ck_assert_uint_eq(head.value, FRAME_WINDOW_LEN);
	return fd;
}
