/*
 * A serial port: the 16550A that a PC has at its first COM address.
 *
 * Theory of operation: the transmitter is never busy, because a byte is handed
 * on before the guest's OUT instruction ends. That happens without the lock,
 * as it may block; only then is the transmitter said to be empty, so that a
 * guest that waits for it on another vCPU cannot overtake the byte.
 *
 * The interrupt line is the OR of all enabled causes. It is an edge line: the
 * eventfd is signalled when it goes up, and a driver that leaves its handler
 * has seen "no interrupt" in IIR, that is, has seen the line down.
 */
#include "devices/serial.h"

#include <errno.h>
#include <linux/serial_reg.h>
#include <poll.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/bus.h"
#include "vmm/base/fd.h"
#include "vmm/base/layout.h"

enum { SERIAL_PORTS = 8 };

#define MCR_BITS                                                       \
	(UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT1 | UART_MCR_OUT2 | \
	 UART_MCR_LOOP)
#define IER_BITS (UART_IER_RDI | UART_IER_THRI | UART_IER_RLSI | UART_IER_MSI)
#define IIR_FIFO_ENABLED 0xc0 /* both bits: FIFOs that work, a 16550A */
#define MSR_STATUS_BITS 0xf0  /* the state of the lines; below, their changes */

/* What is true of the modem lines: a terminal is connected and ready, or the
 * outputs of our own MCR when they are looped back.
 */
static uint8_t modem_lines(const struct serial *s)
{
	if (!(s->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	return (s->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
	       (s->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
	       (s->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
	       (s->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
}

/* The most urgent enabled cause, as IIR tells it. */
static uint8_t cause(const struct serial *s)
{
	if (s->ier & UART_IER_RLSI && s->lsr_errors)
		return UART_IIR_RLSI;
	if (s->ier & UART_IER_RDI && s->cnt)
		return UART_IIR_RDI;
	if (s->ier & UART_IER_THRI && s->thre)
		return UART_IIR_THRI;
	if (s->ier & UART_IER_MSI && s->msr_deltas)
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/* Tell the others what a change of registers means for them. On a PC, OUT2
 * connects the interrupt line, and loopback disconnects OUT2.
 */
static void settle(struct serial *s)
{
	bool connected =
		(s->mcr & (UART_MCR_OUT2 | UART_MCR_LOOP)) == UART_MCR_OUT2;
	bool high = connected && cause(s) != UART_IIR_NO_INT;

	if (high && !s->line_high)
		fd_event_signal(s->irq_fd);
	s->line_high = high;
	if (s->refused && !s->cnt && !(s->mcr & UART_MCR_LOOP)) {
		s->refused = false;
		fd_event_signal(s->room_fd);
	}
}

static bool fifo_push(struct serial *s, uint8_t byte)
{
	unsigned int room = s->fcr & UART_FCR_ENABLE_FIFO ? SERIAL_FIFO_LEN : 1;

	if (s->cnt >= room)
		return false;
	s->fifo[(s->head + s->cnt++) % SERIAL_FIFO_LEN] = byte;
	return true;
}

static uint8_t rd_rbr(struct serial *s)
{
	uint8_t byte;

	if (!s->cnt)
		return 0;
	byte = s->fifo[s->head];
	s->head = (s->head + 1) % SERIAL_FIFO_LEN;
	s->cnt--;
	return byte;
}

/* Called and returns with the lock held, but lets go of it to hand the byte on.
 */
static void wr_thr(struct serial *s, uint8_t byte)
{
	char c = (char)byte;

	s->thre = false;
	if (s->mcr & UART_MCR_LOOP) {
		if (!fifo_push(s, byte))
			s->lsr_errors |= UART_LSR_OE;
	} else {
		settle(s);
		pthread_mutex_unlock(&s->lock);
		s->out.write(s->out.opaque, &c, 1);
		pthread_mutex_lock(&s->lock);
	}
	s->thre = true;
}

static uint8_t rd_dll(struct serial *s)
{
	return s->dl[0];
}

static void wr_dll(struct serial *s, uint8_t value)
{
	s->dl[0] = value;
}

static uint8_t rd_dlm(struct serial *s)
{
	return s->dl[1];
}

static void wr_dlm(struct serial *s, uint8_t value)
{
	s->dl[1] = value;
}

static uint8_t rd_ier(struct serial *s)
{
	return s->ier;
}

/* Who enables the transmitter's interrupt is told that it is empty, again. */
static void wr_ier(struct serial *s, uint8_t value)
{
	if (value & ~s->ier & UART_IER_THRI)
		s->thre = true;
	s->ier = value & IER_BITS;
}

/* Reading it acknowledges the transmitter's interrupt, if that is shown. */
static uint8_t rd_iir(struct serial *s)
{
	uint8_t value = cause(s);

	if (value == UART_IIR_THRI)
		s->thre = false;
	if (s->fcr & UART_FCR_ENABLE_FIFO)
		value |= IIR_FIFO_ENABLED;
	return value;
}

/* The trigger level has no effect: there is no time in which more could come,
 * so one byte is announced at once.
 */
static void wr_fcr(struct serial *s, uint8_t value)
{
	uint8_t changed = (value ^ s->fcr) & UART_FCR_ENABLE_FIFO;

	s->fcr = value & UART_FCR_ENABLE_FIFO;
	if (changed || (s->fcr && value & UART_FCR_CLEAR_RCVR))
		s->cnt = 0;
}

static uint8_t rd_lcr(struct serial *s)
{
	return s->lcr;
}

static void wr_lcr(struct serial *s, uint8_t value)
{
	s->lcr = value;
}

static uint8_t rd_mcr(struct serial *s)
{
	return s->mcr;
}

static void wr_mcr(struct serial *s, uint8_t value)
{
	uint8_t before = modem_lines(s);
	uint8_t changed;

	s->mcr = value & MCR_BITS;
	changed = before ^ modem_lines(s);
	/* Of the ring indicator only the end is a change. */
	if (!(before & UART_MSR_RI))
		changed &= ~UART_MSR_RI;
	s->msr_deltas |= changed >> 4;
}

static uint8_t rd_lsr(struct serial *s)
{
	uint8_t value = UART_LSR_TEMT | UART_LSR_THRE | s->lsr_errors;

	if (s->cnt)
		value |= UART_LSR_DR;
	s->lsr_errors = 0;
	return value;
}

static uint8_t rd_msr(struct serial *s)
{
	uint8_t value = (modem_lines(s) & MSR_STATUS_BITS) | s->msr_deltas;

	s->msr_deltas = 0;
	return value;
}

static uint8_t rd_scr(struct serial *s)
{
	return s->scr;
}

static void wr_scr(struct serial *s, uint8_t value)
{
	s->scr = value;
}

/* What is at an offset; NULL ignores a write. */
struct serial_reg {
	const char *name;
	uint8_t (*read)(struct serial *s);
	void (*write)(struct serial *s, uint8_t value);
};

static const struct serial_reg serial_regs[SERIAL_PORTS] = {
	[UART_RX] = {"RBR/THR", rd_rbr, wr_thr},
	[UART_IER] = {"IER", rd_ier, wr_ier},
	[UART_IIR] = {"IIR/FCR", rd_iir, wr_fcr},
	[UART_LCR] = {"LCR", rd_lcr, wr_lcr},
	[UART_MCR] = {"MCR", rd_mcr, wr_mcr},
	[UART_LSR] = {"LSR", rd_lsr, NULL},
	[UART_MSR] = {"MSR", rd_msr, NULL},
	[UART_SCR] = {"SCR", rd_scr, wr_scr},
};

/* The divisor latch hides the first two registers while LCR's DLAB is set. */
static const struct serial_reg latch_regs[] = {
	[UART_DLL] = {"DLL", rd_dll, wr_dll},
	[UART_DLM] = {"DLM", rd_dlm, wr_dlm},
};

static const struct serial_reg *reg_at(const struct serial *s, uint64_t offset)
{
	if (s->lcr & UART_LCR_DLAB && offset < ARRAY_SIZE(latch_regs))
		return &latch_regs[offset];
	return &serial_regs[offset];
}

/* A wider access is one access to each of the ports, as on an 8-bit bus. */
static void serial_bus_read(void *device, uint64_t offset, void *data,
			    unsigned int len)
{
	struct serial *s = device;
	uint8_t *bytes = data;

	pthread_mutex_lock(&s->lock);
	for (unsigned int i = 0; i < len; i++)
		bytes[i] = reg_at(s, offset + i)->read(s);
	settle(s);
	pthread_mutex_unlock(&s->lock);
}

static void serial_bus_write(void *device, uint64_t offset, const void *data,
			     unsigned int len)
{
	struct serial *s = device;
	const uint8_t *bytes = data;

	pthread_mutex_lock(&s->lock);
	for (unsigned int i = 0; i < len; i++) {
		const struct serial_reg *reg = reg_at(s, offset + i);

		if (reg->write)
			reg->write(s, bytes[i]);
	}
	settle(s);
	pthread_mutex_unlock(&s->lock);
}

static const struct bus_ops serial_ops = {
	.read = serial_bus_read,
	.write = serial_bus_write,
};

int serial_init(struct serial *s, struct bus *bus,
		const struct serial_output *out)
{
	struct bus_range range = {
		.base = LAYOUT_PORT_SERIAL,
		.len = SERIAL_PORTS,
		.ops = &serial_ops,
		.device = s,
	};
	int err;

	*s = (struct serial){.out = *out, .irq_fd = -1, .room_fd = -1};
	pthread_mutex_init(&s->lock, NULL);
	s->irq_fd = fd_event();
	if (s->irq_fd < 0)
		return s->irq_fd;
	s->room_fd = fd_event();
	if (s->room_fd < 0)
		return s->room_fd;
	err = bus_add(bus, BUS_PIO, &range);
	if (err)
		return err;
	return bus_add_line(bus, LAYOUT_GSI_SERIAL, s->irq_fd);
}

void serial_destroy(struct serial *s)
{
	fd_close(&s->irq_fd);
	fd_close(&s->room_fd);
	pthread_mutex_destroy(&s->lock);
}

size_t serial_receive(struct serial *s, const char *data, size_t len)
{
	size_t taken = 0;

	pthread_mutex_lock(&s->lock);
	/* The receiver is not connected to the wire while it is looped back. */
	if (!(s->mcr & UART_MCR_LOOP)) {
		while (taken < len && fifo_push(s, (uint8_t)data[taken]))
			taken++;
	}
	s->refused = taken < len;
	settle(s);
	pthread_mutex_unlock(&s->lock);
	return taken;
}

void serial_write_fd(void *opaque, const char *data, size_t len)
{
	struct pollfd p = {.fd = *(const int *)opaque, .events = POLLOUT};
	ssize_t n;

	while (len) {
		n = write(p.fd, data, len);
		if (n < 0 && errno != EAGAIN)
			return;
		if (n < 0 && poll(&p, 1, -1) < 0)
			return;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
}
