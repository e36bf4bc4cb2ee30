/*
 * A guest's console driver played by a test.
 */
#include "tests/unit/console_guest.h"

#include <assert.h>
#include <check.h>
#include <string.h>

#include "vmm/base/bits.h"

#define BUFFERS (GUEST_QUEUES * RING_STRIDE)

static_assert(BUFFERS + GUEST_QUEUES * GUEST_RING_SIZE * GUEST_BUF_LEN <=
		      DRIVER_RAM_LEN,
	      "each descriptor has a buffer");

unsigned int guest_rx(unsigned int id)
{
	return id ? 2 * id + 2 : 0;
}

unsigned int guest_tx(unsigned int id)
{
	return guest_rx(id) + 1;
}

static gpa_t buffer_gpa(unsigned int idx, unsigned int desc)
{
	return BUFFERS + ((gpa_t)idx * GUEST_RING_SIZE + desc) * GUEST_BUF_LEN;
}

static char *buffer(struct console_guest *g, unsigned int idx,
		    unsigned int desc)
{
	return guest_ptr(&g->driver.mem, buffer_gpa(idx, desc), GUEST_BUF_LEN);
}

/* Tell the device about new requests, if it wants to know. */
static void notify(struct console_guest *g, unsigned int idx)
{
	const struct ring *r = &g->ring[idx];

	if (vring_need_event(ring_avail_event(r), r->avail->idx,
			     r->avail->idx - 1))
		driver_kick(&g->driver, idx);
}

void guest_init(struct console_guest *g)
{
	driver_init(&g->driver);
	ck_assert_int_eq(loop_init(&g->loop), 0);
	ck_assert_int_eq(
		virtio_console_init(&g->console, &g->driver.mem, &g->loop), 0);
	ck_assert_int_eq(
		virtio_mmio_init(&g->mmio, &g->console.dev, &g->driver.bus, 0),
		0);
}

void guest_destroy(struct console_guest *g)
{
	virtio_console_destroy(&g->console);
	loop_destroy(&g->loop);
	driver_destroy(&g->driver);
}

void guest_start(struct console_guest *g)
{
	/* First of all, the old rings must be at rest. */
	driver_write(&g->driver, VIRTIO_MMIO_STATUS, 0);
	for (unsigned int i = 0; i < GUEST_QUEUES; i++) {
		ring_init(&g->ring[i], &g->driver.mem, i, GUEST_RING_SIZE);
		g->seen[i] = 0;
		g->rx_at[i] = 0;
	}
	driver_setup(&g->driver,
		     BIT(VIRTIO_CONSOLE_F_MULTIPORT) |
			     BIT(VIRTIO_RING_F_EVENT_IDX),
		     g->ring, GUEST_QUEUES);
}

static void offer_rx(struct console_guest *g, unsigned int idx,
		     unsigned int desc)
{
	ring_desc(&g->ring[idx], (uint16_t)desc,
		  (struct vring_desc){.addr = buffer_gpa(idx, desc),
				      .len = GUEST_BUF_LEN,
				      .flags = VRING_DESC_F_WRITE});
	ring_offer(&g->ring[idx], (uint16_t)desc);
	notify(g, idx);
}

void guest_fill(struct console_guest *g, unsigned int idx, unsigned int cnt)
{
	for (unsigned int i = 0; i < cnt; i++)
		offer_rx(g, idx, i);
}

void guest_run(struct console_guest *g)
{
	loop_drain(&g->loop);
}

/* The next buffer that the device gave back; false if there is none. */
static bool next_used(struct console_guest *g, unsigned int idx,
		      struct vring_used_elem *elem)
{
	if (ring_used(&g->ring[idx]) == g->seen[idx])
		return false;
	*elem = ring_used_elem(&g->ring[idx], g->seen[idx]);
	ck_assert_uint_lt(elem->id, GUEST_RING_SIZE);
	return true;
}

bool guest_send_bytes(struct console_guest *g, const void *bytes, uint32_t len)
{
	const unsigned int idx = GUEST_CONTROL_TX;
	struct vring_used_elem elem;

	memcpy(buffer(g, idx, 0), bytes, len);
	ring_desc(&g->ring[idx], 0,
		  (struct vring_desc){.addr = buffer_gpa(idx, 0), .len = len});
	ring_offer(&g->ring[idx], 0);
	notify(g, idx);
	guest_run(g);
	if (!next_used(g, idx, &elem))
		return false;
	g->seen[idx]++;
	return true;
}

bool guest_send(struct console_guest *g, uint32_t id, uint16_t event,
		uint16_t value)
{
	struct virtio_console_control msg = {
		.id = id, .event = event, .value = value};

	return guest_send_bytes(g, &msg, sizeof(msg));
}

bool guest_hear(struct console_guest *g, struct guest_message *msg)
{
	const unsigned int idx = GUEST_CONTROL_RX;
	struct vring_used_elem elem;

	guest_run(g);
	if (!next_used(g, idx, &elem))
		return false;
	ck_assert_uint_ge(elem.len, sizeof(msg->control));
	ck_assert_uint_lt(elem.len, sizeof(*msg));
	memset(msg, 0, sizeof(*msg));
	memcpy(&msg->control, buffer(g, idx, elem.id), sizeof(msg->control));
	memcpy(msg->name, buffer(g, idx, elem.id) + sizeof(msg->control),
	       elem.len - sizeof(msg->control));
	g->seen[idx]++;
	offer_rx(g, idx, elem.id);
	return true;
}

unsigned int guest_hear_all(struct console_guest *g)
{
	struct guest_message msg;
	unsigned int cnt = 0;

	while (guest_hear(g, &msg))
		cnt++;
	return cnt;
}

void guest_connect(struct console_guest *g, unsigned int id)
{
	guest_start(g);
	guest_fill(g, GUEST_CONTROL_RX, GUEST_RING_SIZE);
	guest_fill(g, guest_rx(id), GUEST_RING_SIZE);
	ck_assert(guest_send(g, VIRTIO_CONSOLE_BAD_ID,
			     VIRTIO_CONSOLE_DEVICE_READY, 1));
	ck_assert(guest_send(g, id, VIRTIO_CONSOLE_PORT_READY, 1));
	guest_hear_all(g);
	ck_assert(guest_send(g, id, VIRTIO_CONSOLE_PORT_OPEN, 1));
}

size_t guest_write(struct console_guest *g, unsigned int id, const void *data,
		   size_t len)
{
	unsigned int idx = guest_tx(id);
	struct ring *r = &g->ring[idx];
	unsigned int desc = r->avail->idx % GUEST_RING_SIZE;

	/* Requests come back in the order in which they were made. */
	if (guest_unwritten(g, id) == GUEST_RING_SIZE)
		return 0;
	len = MIN(len, (size_t)GUEST_BUF_LEN);
	memcpy(buffer(g, idx, desc), data, len);
	ring_desc(r, (uint16_t)desc,
		  (struct vring_desc){.addr = buffer_gpa(idx, desc),
				      .len = (uint32_t)len});
	ring_offer(r, (uint16_t)desc);
	notify(g, idx);
	return len;
}

void guest_write_text(struct console_guest *g, unsigned int id,
		      const char *text)
{
	ck_assert_uint_eq(guest_write(g, id, text, strlen(text)), strlen(text));
	guest_run(g);
}

unsigned int guest_unwritten(const struct console_guest *g, unsigned int id)
{
	const struct ring *r = &g->ring[guest_tx(id)];

	return (uint16_t)(r->avail->idx - ring_used(r));
}

size_t guest_read(struct console_guest *g, unsigned int id, void *buf,
		  size_t len)
{
	unsigned int idx = guest_rx(id);
	struct vring_used_elem elem;

	if (!next_used(g, idx, &elem))
		return 0;
	ck_assert_uint_le(elem.len, GUEST_BUF_LEN);
	len = MIN(len, (size_t)(elem.len - g->rx_at[idx]));
	memcpy(buf, buffer(g, idx, elem.id) + g->rx_at[idx], len);
	g->rx_at[idx] += (uint32_t)len;
	if (g->rx_at[idx] == elem.len) {
		g->rx_at[idx] = 0;
		g->seen[idx]++;
		offer_rx(g, idx, elem.id);
	}
	return len;
}

bool guest_needs_reset(const struct console_guest *g)
{
	return driver_read(&g->driver, VIRTIO_MMIO_STATUS) &
	       VIRTIO_CONFIG_S_NEEDS_RESET;
}
