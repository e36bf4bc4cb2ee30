/*
 * The serial port: what a driver's probe looks at, interrupts, input that
 * comes faster than it is read, and nonsense.
 */
#include <check.h>
#include <linux/serial_reg.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "devices/serial.h"
#include "vmm/base/bus.h"
#include "vmm/base/fd.h"
#include "vmm/base/layout.h"

static struct bus bus;
static struct serial serial;
static char sent[8192];
static size_t sent_len;

static void remember(void *opaque, const char *data, size_t len)
{
	ck_assert_ptr_eq(opaque, &serial);
	for (size_t i = 0; i < len; i++)
		sent[sent_len++ % sizeof(sent)] = data[i];
}

static uint8_t in(unsigned int reg)
{
	uint8_t value;

	ck_assert(bus_read(&bus, BUS_PIO, LAYOUT_PORT_SERIAL + reg, &value, 1));
	return value;
}

static void out(unsigned int reg, uint8_t value)
{
	ck_assert(
		bus_write(&bus, BUS_PIO, LAYOUT_PORT_SERIAL + reg, &value, 1));
}

/* Was the eventfd signalled since the last look? */
static bool signalled(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static void setup(void)
{
	struct serial_output output = {.write = remember, .opaque = &serial};

	bus = (struct bus){0};
	sent_len = 0;
	memset(sent, 0, sizeof(sent));
	ck_assert_int_eq(serial_init(&serial, &bus, &output), 0);
}

static void teardown(void)
{
	serial_destroy(&serial);
}

START_TEST(is_on_the_bus)
{
	ck_assert_uint_eq(bus.line_cnt, 1);
	ck_assert_uint_eq(bus.line[0].gsi, LAYOUT_GSI_SERIAL);
	ck_assert_int_eq(bus.line[0].fd, serial.irq_fd);
	ck_assert_uint_eq(in(UART_LSR), UART_LSR_TEMT | UART_LSR_THRE);
	ck_assert_uint_eq(in(UART_IIR), UART_IIR_NO_INT);
}
END_TEST

/* Does IER have four bits that can be set and cleared? */
START_TEST(existence_probe)
{
	out(UART_IER, 0);
	ck_assert_uint_eq(in(UART_IER), 0);
	out(UART_IER, 0xff);
	ck_assert_uint_eq(in(UART_IER), 0x0f);
	out(UART_IER, 0);
	ck_assert_uint_eq(in(UART_IER), 0);
}
END_TEST

START_TEST(loopback_probe)
{
	uint8_t mcr = in(UART_MCR);

	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	ck_assert_uint_eq(in(UART_MSR)&0xf0, UART_MSR_DCD | UART_MSR_CTS);
	out(UART_MCR, mcr);
	ck_assert_uint_eq(in(UART_MSR)&0xf0,
			  UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
	ck_assert_uint_eq(in(UART_MSR)&0x0f, 0);
}
END_TEST

START_TEST(fifo_probe)
{
	ck_assert_uint_eq(in(UART_IIR)&0xc0, 0);
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	ck_assert_uint_eq(in(UART_IIR), 0xc0 | UART_IIR_NO_INT);
	/* No EFR behind the divisor latch, no 64-byte FIFOs. */
	out(UART_LCR, UART_LCR_CONF_MODE_A);
	ck_assert_uint_ne(in(UART_EFR), 0);
	out(UART_LCR, UART_LCR_CONF_MODE_B);
	ck_assert_uint_ne(in(UART_EFR), 0);
	out(UART_LCR, 0);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
	ck_assert_uint_eq(in(UART_IIR) >> 5, 6);
	out(UART_LCR, UART_LCR_CONF_MODE_A);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE);
	ck_assert_uint_eq(in(UART_IIR) >> 5, 6);
}
END_TEST

/* How many bytes does the looped-back FIFO hold? */
START_TEST(fifo_size_probe)
{
	unsigned int cnt;

	out(UART_FCR,
	    UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
	out(UART_MCR, UART_MCR_LOOP);
	out(UART_LCR, UART_LCR_DLAB);
	out(UART_DLL, 1);
	out(UART_DLM, 0);
	out(UART_LCR, UART_LCR_WLEN8);
	for (unsigned int i = 0; i < 256; i++)
		out(UART_TX, (uint8_t)i);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_OE, UART_LSR_OE);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_OE, 0);
	for (cnt = 0; in(UART_LSR)&UART_LSR_DR && cnt < 256; cnt++)
		ck_assert_uint_eq(in(UART_RX), cnt);
	ck_assert_uint_eq(cnt, 16);
	ck_assert_uint_eq(sent_len, 0);
}
END_TEST

START_TEST(scratch_and_latch)
{
	out(UART_SCR, 0xa5);
	ck_assert_uint_eq(in(UART_SCR), 0xa5);
	out(UART_SCR, 0x5a);
	ck_assert_uint_eq(in(UART_SCR), 0x5a);
	out(UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	out(UART_DLL, 0x34);
	out(UART_DLM, 0x12);
	ck_assert_uint_eq(in(UART_DLL), 0x34);
	ck_assert_uint_eq(in(UART_DLM), 0x12);
	out(UART_LCR, UART_LCR_WLEN8);
	ck_assert_uint_eq(in(UART_LCR), UART_LCR_WLEN8);
	ck_assert_uint_eq(in(UART_IER), 0);
	ck_assert_uint_eq(sent_len, 0);
}
END_TEST

/* A driver enables THRI twice to see whether the second time counts. */
START_TEST(transmitter_interrupt_is_reasserted)
{
	for (int i = 0; i < 2; i++) {
		out(UART_IER, UART_IER_THRI);
		ck_assert_uint_eq(in(UART_IIR), UART_IIR_THRI);
		ck_assert_uint_eq(in(UART_IIR), UART_IIR_NO_INT);
		out(UART_IER, 0);
	}
	/* Without OUT2 none of this reaches the line. */
	ck_assert(!signalled(serial.irq_fd));
}
END_TEST

START_TEST(transmits_by_interrupt)
{
	static const char text[] = "interrupt driven";
	const char *at = text;

	out(UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	in(UART_MSR);
	out(UART_IER, UART_IER_THRI);
	while (signalled(serial.irq_fd)) {
		if (in(UART_IIR) != UART_IIR_THRI)
			continue;
		if (*at)
			out(UART_TX, (uint8_t)*at++);
		else
			out(UART_IER, 0);
	}
	ck_assert_str_eq(sent, text);
}
END_TEST

START_TEST(receives_by_interrupt)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_MCR, UART_MCR_OUT2);
	out(UART_IER, UART_IER_RDI | UART_IER_RLSI);
	ck_assert_uint_eq(serial_receive(&serial, "ab", 2), 2);
	ck_assert(signalled(serial.irq_fd));
	ck_assert_uint_eq(in(UART_IIR)&0x3f, UART_IIR_RDI);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_DR, UART_LSR_DR);
	ck_assert_uint_eq(in(UART_RX), 'a');
	ck_assert_uint_eq(in(UART_IIR)&0x3f, UART_IIR_RDI);
	ck_assert_uint_eq(in(UART_RX), 'b');
	ck_assert_uint_eq(in(UART_IIR)&0x3f, UART_IIR_NO_INT);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_DR, 0);
	ck_assert(!signalled(serial.irq_fd));
	ck_assert_uint_eq(serial_receive(&serial, "c", 1), 1);
	ck_assert(signalled(serial.irq_fd));
}
END_TEST

START_TEST(causes_by_urgency)
{
	out(UART_MCR, UART_MCR_LOOP);
	out(UART_TX, 1);
	out(UART_TX, 2); /* overrun: no FIFO */
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1 | UART_MCR_DTR);
	out(UART_MCR, 0);
	out(UART_IER, 0x0f);
	ck_assert_uint_eq(in(UART_IIR), UART_IIR_RLSI);
	in(UART_LSR);
	ck_assert_uint_eq(in(UART_IIR), UART_IIR_RDI);
	ck_assert_uint_eq(in(UART_RX), 1);
	ck_assert_uint_eq(in(UART_IIR), UART_IIR_THRI);
	ck_assert_uint_eq(in(UART_IIR), UART_IIR_MSI);
	ck_assert_uint_eq(in(UART_MSR)&UART_MSR_TERI, UART_MSR_TERI);
	ck_assert_uint_eq(in(UART_IIR), UART_IIR_NO_INT);
}
END_TEST

START_TEST(input_is_bounded)
{
	static const char text[] = "0123456789abcdefXYZ";
	size_t taken;

	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	taken = serial_receive(&serial, text, strlen(text));
	ck_assert_uint_eq(taken, 16);
	ck_assert_uint_eq(serial_receive(&serial, text + taken, 3), 0);
	ck_assert(!signalled(serial.room_fd));
	for (size_t i = 0; i < taken; i++) {
		ck_assert(!signalled(serial.room_fd));
		ck_assert_uint_eq(in(UART_RX), text[i]);
	}
	ck_assert(signalled(serial.room_fd));
	ck_assert_uint_eq(serial_receive(&serial, text + taken, 3), 3);
	ck_assert_uint_eq(in(UART_RX), 'X');
	ck_assert_uint_eq(in(UART_RX), 'Y');
	ck_assert_uint_eq(in(UART_RX), 'Z');
	ck_assert_uint_eq(in(UART_RX), 0);
	ck_assert(!signalled(serial.room_fd));
}
END_TEST

START_TEST(loopback_keeps_input_out)
{
	out(UART_MCR, UART_MCR_LOOP);
	ck_assert_uint_eq(serial_receive(&serial, "x", 1), 0);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_DR, 0);
	ck_assert(!signalled(serial.room_fd));
	out(UART_MCR, 0);
	ck_assert(signalled(serial.room_fd));
	ck_assert_uint_eq(serial_receive(&serial, "x", 1), 1);
}
END_TEST

START_TEST(clearing_fifos)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	serial_receive(&serial, "abc", 3);
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	ck_assert_uint_eq(in(UART_RX), 'a');
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_DR, 0);
	serial_receive(&serial, "abc", 3);
	out(UART_FCR, 0);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_DR, 0);
	ck_assert_uint_eq(serial_receive(&serial, "abc", 3), 1);
}
END_TEST

/* Every register times every value, from every state that the ones before
 * left, byte by byte and wide: nothing is read that was not written.
 */
START_TEST(hostile_every_register_every_value)
{
	uint8_t wide[8];

	for (unsigned int reg = 0; reg < 8; reg++) {
		for (unsigned int value = 0; value < 256; value++) {
			out(reg, (uint8_t)value);
			serial_receive(&serial, "input", 5);
			for (unsigned int r = 0; r < 8; r++)
				in(r);
			ck_assert_uint_lt(serial.head, SERIAL_FIFO_LEN);
			ck_assert_uint_le(serial.cnt, SERIAL_FIFO_LEN);
		}
	}
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (unsigned int value = 0; value < 256; value++) {
			uint64_t at = LAYOUT_PORT_SERIAL + value % 8;

			memset(wide, (int)value, sizeof(wide));
			bus_write(&bus, BUS_PIO, at, wide, len);
			bus_read(&bus, BUS_PIO, at, wide, len);
		}
	}
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_THRE, UART_LSR_THRE);
}
END_TEST

static void *stuck_writer(void *opaque)
{
	char data[65536 + 1] = {0};

	serial_write_fd(opaque, data, sizeof(data));
	return NULL;
}

static void wake_up(int signo)
{
	(void)signo;
}

START_TEST(write_fd_waits_until_a_signal)
{
	struct sigaction action = {.sa_handler = wake_up};
	pthread_t thread;
	int ends[2];
	int err;

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(pipe(ends), 0);
	pthread_create(&thread, NULL, stuck_writer, &ends[1]);
	/* The signal may come before the thread waits: again, then. */
	do {
		usleep(10000);
		pthread_kill(thread, SIGUSR1);
		err = pthread_tryjoin_np(thread, NULL);
	} while (err);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("serial");
	TCase *tc = tcase_create("serial");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, is_on_the_bus);
	tcase_add_test(tc, existence_probe);
	tcase_add_test(tc, loopback_probe);
	tcase_add_test(tc, fifo_probe);
	tcase_add_test(tc, fifo_size_probe);
	tcase_add_test(tc, scratch_and_latch);
	tcase_add_test(tc, transmitter_interrupt_is_reasserted);
	tcase_add_test(tc, transmits_by_interrupt);
	tcase_add_test(tc, receives_by_interrupt);
	tcase_add_test(tc, causes_by_urgency);
	tcase_add_test(tc, input_is_bounded);
	tcase_add_test(tc, loopback_keeps_input_out);
	tcase_add_test(tc, clearing_fifos);
	tcase_add_test(tc, hostile_every_register_every_value);
	tcase_add_test(tc, write_fd_waits_until_a_signal);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
