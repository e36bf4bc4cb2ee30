/*
 * Files in a share's window that change their size: what a processor finds
 * there that goes by an old one (devices/fs/dax.h). A guest that uses pages
 * behind the end leaves KVM_RUN in one of three ways:
 *
 * interrupts off	KVM_RUN fails at once
 * interrupts on	the processor tries for ever, until the monitor's watch
 *			has put zeros there
 * ports		KVM itself moves bytes from and to ports, and reports an
 *			access to a device
 */
#include "tests/guest/lib/fuse.h"

enum {
	PAGE = 4096,
	PAGES = 16,
	LEN = PAGES * PAGE,
	SHORT_LEN = PAGE + 100,
	BEHIND = 2 * PAGE, /* the first page behind that */
	OTHER = LEN,	   /* where in the window the files are */
	SMALL = 2 * LEN,
	SCRATCH = LAYOUT_PORT_SERIAL + 7, /* a register for anything */
};

/* tests/guest/run: data and other are PAGES pages of a letter each, beginning
 * with 'a' and 'A'; small is shorter than a page.
 */
static volatile uint8_t *window;
static struct fuse_file data, other, small;

static bool shows(uint32_t at, char first)
{
	for (unsigned int i = 0; i < PAGES; i++, at += PAGE) {
		if (window[at] != first + i ||
		    window[at + PAGE - 1] != first + i)
			return false;
	}
	return true;
}

/* Does a message tell what the window shows? */
static const char *compare(const struct fuse_file *file, uint32_t at,
			   uint32_t offset)
{
	uint8_t byte;
	const char *why = fuse_read(file, offset, &byte);

	if (!why && byte != window[at + offset])
		why = with_hex("window << 8 | message",
			       (uint32_t)window[at + offset] << 8 | byte);
	return why;
}

static const char *start(void)
{
	const char *why = fuse_start(FUSE_SLOT, &window);

	if (!why)
		why = fuse_open("data", &data);
	if (!why)
		why = fuse_open("other", &other);
	if (!why)
		why = fuse_open("small", &small);
	if (!why)
		why = fuse_map(&data, 0, LEN, MAP_READ | MAP_WRITE);
	if (!why)
		why = fuse_map(&other, OTHER, LEN, MAP_READ | MAP_WRITE);
	return why;
}

static const char *check_contents(void)
{
	const char *why = start();

	if (why)
		return why;
	if (!shows(0, 'a') || !shows(OTHER, 'A'))
		return "the window does not show the files";
	window[BEHIND + 5] = 'x';
	return compare(&data, 0, BEHIND + 5);
}

/* Behind the end of the file from the first */
static const char *check_small(void)
{
	const char *why = fuse_map(&small, SMALL, LEN, MAP_READ | MAP_WRITE);

	if (!why && (window[SMALL] != 's' || window[SMALL + PAGE - 1] ||
		     window[SMALL + PAGE] || window[SMALL + LEN - 1]))
		why = "wrong bytes of a small file";
	return why;
}

static bool load(volatile uint8_t *page)
{
	return page[5] == 0;
}

static bool store(volatile uint8_t *page)
{
	page[5] = 'w';
	return page[5] == 'w' && page[4] == 0 && page[6] == 0;
}

/* One byte: the next ones would come from memory. */
static bool load_by_port(volatile uint8_t *page)
{
	out8(SCRATCH, 's');
	asm volatile("outsb" : "+S"(page) : "d"(SCRATCH) : "memory");
	return in8(SCRATCH) == 0;
}

static bool store_by_port(volatile uint8_t *page)
{
	volatile uint8_t *to = page + 5;
	uint32_t cnt = 4;

	out8(SCRATCH, 's');
	asm volatile("rep insb"
		     : "+D"(to), "+c"(cnt)
		     : "d"(SCRATCH)
		     : "memory");
	return page[4] == 0 && page[5] == 's' && page[8] == 's' && page[9] == 0;
}

/* The file's own pages are as before, and zeros all behind the first one that
 * was used.
 */
static const char *check_rest(void)
{
	if (window[0] != 'a' || window[PAGE + 99] != 'b')
		return "what is left of the file has changed";
	for (uint32_t at = PAGE + 100; at < BEHIND; at++) {
		if (window[at])
			return "no zeros in the file's last page";
	}
	for (uint32_t at = BEHIND + PAGE; at < LEN; at += PAGE / 2) {
		if (window[at])
			return with_hex("no zeros in the window at", at);
	}
	return shows(OTHER, 'A') ? NULL : "another file has changed";
}

/* The file grows again: what was written behind its end is lost, what is
 * written now is not.
 */
static const char *check_growth(void)
{
	const char *why = fuse_resize(&data, LEN);

	for (uint32_t at = BEHIND; !why && at < LEN; at++) {
		if (window[at])
			why = with_hex("no zeros after growth at", at);
	}
	for (uint32_t at = BEHIND; !why && at < LEN; at += PAGE) {
		window[at + 5] = 'g';
		why = compare(&data, 0, at + 5);
	}
	return why;
}

static const char *check_truncation(bool (*use)(volatile uint8_t *page),
				    bool irqs)
{
	const char *why = fuse_resize(&data, SHORT_LEN);
	bool zeros;

	if (why)
		return why;
	if (irqs)
		irq_on();
	zeros = use(window + BEHIND);
	irq_off();
	why = zeros ? check_rest() : "wrong bytes behind the end";
	return why ? why : check_growth();
}

static void on_irq(void)
{
}

static const char *check_truncations(void)
{
	static const struct {
		const char *name;
		bool (*use)(volatile uint8_t *page);
		bool irqs;
	} row[] = {
		{"load\n", load, false},
		{"load, interrupts on\n", load, true},
		{"store\n", store, false},
		{"store, interrupts on\n", store, true},
		{"load by port\n", load_by_port, false},
		{"load by port, interrupts on\n", load_by_port, true},
		{"store by port\n", store_by_port, false},
		{"store by port, interrupts on\n", store_by_port, true},
	};
	const char *why = NULL;

	irq_init(LAYOUT_GSI_MMIO + FUSE_SLOT, on_irq);
	for (unsigned int i = 0; !why && i < sizeof(row) / sizeof(row[0]);
	     i++) {
		print(row[i].name);
		why = check_truncation(row[i].use, row[i].irqs);
	}
	return why;
}

/* A share that is read only, in the next slot: a store is lost. */
static const char *check_read_only(void)
{
	const char *why = fuse_start(FUSE_SLOT + 1, &window);

	if (!why)
		why = fuse_open("other", &other);
	if (!why)
		why = fuse_map(&other, OTHER, LEN, MAP_READ);
	if (why)
		return why;
	window[OTHER] = 'x';
	if (!shows(OTHER, 'A'))
		return "a file of a read-only share has changed";
	return compare(&other, OTHER, 0);
}

const char *guest_main(void)
{
	const char *why = check_contents();

	if (!why)
		why = check_small();
	if (!why)
		why = check_truncations();
	return why ? why : check_read_only();
}
