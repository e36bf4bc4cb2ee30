/*
 * A serial port: the 16550A that a PC has at its first COM address
 * (National Semiconductor PC16550D; register names of <linux/serial_reg.h>).
 */
#ifndef DEVICES_SERIAL_H
#define DEVICES_SERIAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus;

enum { SERIAL_FIFO_LEN = 16 };

/**
 * struct serial_output - Where the guest's bytes go
 * @write:	Takes all @len bytes; called on vCPU threads without a lock
 *		held, so it may block, and two vCPUs may be in it at once
 * @opaque:	First argument of @write [borrowed]
 */
struct serial_output {
	void (*write)(void *opaque, const char *data, size_t len);
	void *opaque;
};

/**
 * struct serial - A 16550A
 * @lock:	Guards what is marked [lock]; a leaf, for register work only
 * @out:	Where the guest's bytes go [init]
 * @irq_fd:	Eventfd of the interrupt line [owned]
 * @room_fd:	Eventfd, signalled when serial_receive() that took less than it
 *		was offered may be called again [owned]
 * @fifo:	Received bytes, a ring [lock]
 * @head:	Index of the oldest byte in @fifo [lock]
 * @cnt:	Bytes in @fifo [lock]
 * @refused:	The host has more bytes than were taken [lock]
 * @thre:	Transmitter became empty and nobody looked yet [lock]
 * @line_high:	The interrupt line is up [lock]
 * @dl:		Divisor latch; no effect, there is no wire [lock]
 * @ier:	Interrupt Enable Register [lock]
 * @fcr:	FIFO Control Register, as far as it is state [lock]
 * @lcr:	Line Control Register [lock]
 * @mcr:	Modem Control Register [lock]
 * @lsr_errors:	Line Status Register bits that reading clears [lock]
 * @msr_deltas:	Modem Status Register bits that reading clears [lock]
 * @scr:	Scratch Register [lock]
 */
struct serial {
	pthread_mutex_t lock;
	struct serial_output out;
	int irq_fd;
	int room_fd;
	uint8_t fifo[SERIAL_FIFO_LEN];
	unsigned int head;
	unsigned int cnt;
	bool refused;
	bool thre;
	bool line_high;
	uint8_t dl[2];
	uint8_t ier;
	uint8_t fcr;
	uint8_t lcr;
	uint8_t mcr;
	uint8_t lsr_errors;
	uint8_t msr_deltas;
	uint8_t scr;
};

/**
 * serial_init() - Put a serial port on the bus
 * @s:		Serial port, filled; to be destroyed whatever the result
 * @bus:	Bus, still being built
 * @out:	Copied
 *
 * Return: 0 or a negative errno
 * #syscalls: eventfd2
 */
int serial_init(struct serial *s, struct bus *bus,
		const struct serial_output *out);

/** serial_destroy() - Release a serial port that no vCPU can reach any more */
void serial_destroy(struct serial *s);

/**
 * serial_receive() - Bytes arrive from the host; any thread
 * @s:		Serial port
 * @data:	Bytes
 * @len:	How many
 *
 * Return: number of bytes taken; if that is less than @len, @s->room_fd is
 *	   signalled when it makes sense to offer the others
 * #syscalls(loop): write
 */
size_t serial_receive(struct serial *s, const char *data, size_t len);

/**
 * serial_write_fd() - A struct serial_output's write, for a descriptor
 * @opaque:	Pointer to the descriptor, an int
 * @data:	Bytes
 * @len:	How many
 *
 * Waits for a slow reader as any process does. A signal or an error ends it,
 * and the rest of the bytes is lost: the signal stops the vCPU.
 *
 * #syscalls(vcpu): write poll
 */
void serial_write_fd(void *opaque, const char *data, size_t len);

#endif /* DEVICES_SERIAL_H */
