/*
 * What bare guests share.
 */
#include "tests/guest/lib/guest.h"

/* Serial port: transmit register, line status and its "empty" bit */
#define SERIAL_DATA LAYOUT_PORT_SERIAL
#define SERIAL_LSR (LAYOUT_PORT_SERIAL + 5)
#define SERIAL_LSR_THRE 0x20

void guest_start(void);

static void put(char c)
{
	while (!(in8(SERIAL_LSR) & SERIAL_LSR_THRE))
		;
	out8(SERIAL_DATA, c);
}

void print(const char *text)
{
	for (; *text; text++)
		put(*text);
}

const char *with_hex(const char *text, uint32_t value)
{
	static char line[128];
	size_t at = 0;

	for (; text[at] && at < sizeof(line) - 13; at++)
		line[at] = text[at];
	line[at++] = ':';
	line[at++] = ' ';
	line[at++] = '0';
	line[at++] = 'x';
	for (int shift = 28; shift >= 0; shift -= 4)
		line[at++] = "0123456789abcdef"[value >> shift & 15];
	line[at] = '\0';
	return line;
}

void print_hex(const char *name, uint32_t value)
{
	print(with_hex(name, value));
	print("\n");
}

void power_off(void)
{
	out8(GUEST_PORT_SLEEP, LAYOUT_POWER_S5_TYPE << 2 | 1 << 5);
	for (;;)
		;
}

void guest_start(void)
{
	const char *why = guest_main();

	print(why ? "FAIL " : "PASS");
	print(why ? why : "");
	print("\n");
	power_off();
}

void *memcpy(void *dst, const void *src, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((volatile char *)dst)[i] = ((const char *)src)[i];
	return dst;
}

void *memset(void *dst, int value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((volatile char *)dst)[i] = (char)value;
	return dst;
}
