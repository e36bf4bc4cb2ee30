/*
 * The virtio-mmio registers: what each one says, and garbage.
 */
#include "devices/virtio/mmio.h"

#include <check.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/virtio/device.h"
#include "devices/virtio_rng.h"
#include "tests/unit/driver.h"
#include "vmm/base/bits.h"

enum { SIZE = 8 };

static const char CONFIG[] = "0123456789a"; /* 12 bytes with its NUL */

static struct driver driver;
static struct loop loop;
static struct virtio_rng rng;
static struct virtio_mmio mmio;
static struct ring ring;

static void setup(void)
{
	driver_init(&driver);
	ck_assert_int_eq(loop_init(&loop), 0);
	ck_assert_int_eq(virtio_rng_init(&rng, &driver.mem, &loop), 0);
	ck_assert_int_eq(virtio_mmio_init(&mmio, &rng.dev, &driver.bus, 0), 0);
	ring_init(&ring, &driver.mem, 0, SIZE);
}

static void teardown(void)
{
	virtio_rng_destroy(&rng);
	loop_destroy(&loop);
	driver_destroy(&driver);
}

static uint32_t rd(uint32_t reg)
{
	return driver_read(&driver, reg);
}

static void wr(uint32_t reg, uint32_t value)
{
	driver_write(&driver, reg, value);
}

/* Read @len bytes at @offset into the low end of the result. */
static uint64_t rd_len(uint32_t offset, unsigned int len)
{
	uint64_t value = 0xeeeeeeeeeeeeeeee;
	uint64_t result = 0;

	ck_assert(bus_read(&driver.bus, BUS_MMIO, LAYOUT_MMIO_BASE + offset,
			   &value, len));
	memcpy(&result, &value, len);
	return result;
}

static void wr_len(uint32_t offset, unsigned int len, uint64_t value)
{
	ck_assert(bus_write(&driver.bus, BUS_MMIO, LAYOUT_MMIO_BASE + offset,
			    &value, len));
}

START_TEST(identity)
{
	ck_assert_uint_eq(rd(VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_VERSION), 2);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_RNG);
	ck_assert_uint_ne(rd(VIRTIO_MMIO_VENDOR_ID), 0);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_STATUS), 0);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}
END_TEST

START_TEST(place_on_the_bus)
{
	static struct virtio_mmio other;

	ck_assert_uint_eq(driver.bus.range[BUS_MMIO][0].base, LAYOUT_MMIO_BASE);
	ck_assert_uint_eq(driver.bus.range[BUS_MMIO][0].len, LAYOUT_MMIO_SIZE);
	ck_assert_uint_eq(driver.bus.line[0].gsi, LAYOUT_GSI_MMIO);
	ck_assert_int_eq(driver.bus.line[0].fd, rng.dev.irq_fd);
	ck_assert_uint_eq(driver.bus.kick_cnt, 2);
	ck_assert_uint_eq(driver.bus.kick[0].addr,
			  LAYOUT_MMIO_BASE + VIRTIO_MMIO_QUEUE_NOTIFY);
	ck_assert_uint_eq(driver.bus.kick[0].value, 0);
	ck_assert_uint_eq(driver.bus.kick[1].addr,
			  LAYOUT_MMIO_BASE + VIRTIO_MMIO_INTERRUPT_ACK);
	ck_assert_uint_eq(driver.bus.kick[1].value, VIRTIO_MMIO_INT_VRING);
	ck_assert_int_eq(virtio_mmio_init(&other, &rng.dev, &driver.bus, 0),
			 -EEXIST);
	ck_assert_int_eq(virtio_mmio_init(&other, &rng.dev, &driver.bus,
					  LAYOUT_MMIO_SLOTS),
			 -ENOSPC);
	ck_assert_int_eq(virtio_mmio_init(&other, &rng.dev, &driver.bus,
					  LAYOUT_MMIO_SLOTS - 1),
			 0);
	ck_assert_uint_eq(driver.bus.line[1].gsi, 23);
}
END_TEST

/* Where KVM lets the guest read them; no request may lead there. */
START_TEST(registers_are_in_guest_memory)
{
	static struct virtio_mmio other;
	const struct guestmem_region *r = &driver.mem.registers;
	const uint32_t *page[] = {
		(uint32_t *)r->hva,
		(uint32_t *)(r->hva + 7 * LAYOUT_MMIO_SIZE),
	};

	ck_assert_int_eq(virtio_mmio_init(&other, &rng.dev, &driver.bus, 7), 0);
	driver_begin(&driver, 0);
	ck_assert_uint_eq(page[1][VIRTIO_MMIO_MAGIC_VALUE / 4], 0x74726976);
	ck_assert_uint_eq(page[1][VIRTIO_MMIO_QUEUE_NUM_MAX / 4],
			  rng.dev.class->queue_size);
	ck_assert_uint_eq(page[1][VIRTIO_MMIO_STATUS / 4], 0xb);
	virtio_dev_set_config(&rng.dev, CONFIG, sizeof(CONFIG));
	ck_assert_mem_eq(page[1] + VIRTIO_MMIO_CONFIG / 4, CONFIG,
			 sizeof(CONFIG));
	ck_assert_uint_eq(page[0][VIRTIO_MMIO_STATUS / 4], 0);
	ck_assert(r->read_only);
	ck_assert_uint_eq(r->gpa, LAYOUT_MMIO_BASE);
	ck_assert_ptr_null(guest_ptr(&driver.mem, r->gpa, 4));
}
END_TEST

START_TEST(device_features)
{
	wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_DEVICE_FEATURES),
			  BIT(VIRTIO_RING_F_EVENT_IDX) |
				  BIT(VIRTIO_RING_F_INDIRECT_DESC));
	wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_DEVICE_FEATURES),
			  BIT(VIRTIO_F_VERSION_1) >> 32);
	for (unsigned int sel = 2; sel; sel <<= 1) {
		wr(VIRTIO_MMIO_DEVICE_FEATURES_SEL, sel);
		ck_assert_uint_eq(rd(VIRTIO_MMIO_DEVICE_FEATURES), 0);
	}
}
END_TEST

START_TEST(queue_registers)
{
	const struct queue_config cfg = {.size = SIZE,
					 .desc = 0x123456789abcdef0,
					 .avail = 0xfedcba9876543210,
					 .used = 0x0f1e2d3c4b5a6978};
	struct virtio_queue *vq = &rng.dev.queue[0];

	ck_assert_uint_gt(rd(VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	driver_begin(&driver, 0);
	ck_assert_uint_eq(driver_enable(&driver, 0, &cfg), 0);
	ck_assert_uint_eq(vq->cfg.size, cfg.size);
	ck_assert_uint_eq(vq->cfg.desc, cfg.desc);
	ck_assert_uint_eq(vq->cfg.avail, cfg.avail);
	ck_assert_uint_eq(vq->cfg.used, cfg.used);
	ck_assert_uint_eq(driver_enable(&driver, 0, &ring.cfg), 1);
	wr(VIRTIO_MMIO_QUEUE_NUM, 1);
	wr(VIRTIO_MMIO_QUEUE_DESC_LOW, 1);
	ck_assert_uint_eq(vq->cfg.size, SIZE);
	ck_assert_uint_eq(vq->cfg.desc, ring.cfg.desc);
	wr(VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(vq->cfg.size, 0);
	ck_assert_uint_eq(vq->cfg.used, 0);
}
END_TEST

START_TEST(interrupt_status)
{
	virtio_dev_irq(&rng.dev, true);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 2);
	wr(VIRTIO_MMIO_INTERRUPT_ACK, ~2U);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 2);
	wr(VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	virtio_dev_irq(&rng.dev, false);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 1);
	virtio_dev_irq(&rng.dev, true);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 3);
	wr(VIRTIO_MMIO_INTERRUPT_ACK, 3);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	ck_assert_uint_eq(driver_irqs(&driver), 3);
}
END_TEST

/* KVM would take it: the device does not hear of it, and says so until reset.
 */
START_TEST(acknowledged_without_an_exit)
{
	uint64_t cnt;

	virtio_dev_irq(&rng.dev, false);
	wr(VIRTIO_MMIO_INTERRUPT_ACK, 1);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 1);
	ck_assert_int_eq(read(rng.dev.ack_fd, &cnt, sizeof(cnt)), sizeof(cnt));
	wr(VIRTIO_MMIO_INTERRUPT_ACK, 2);
	ck_assert_int_lt(read(rng.dev.ack_fd, &cnt, sizeof(cnt)), 0);
	wr(VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}
END_TEST

/* A request goes through, and the register itself kicks: no eventfd before. */
static void request_works(void)
{
	driver.bus.kick_cnt = 0;
	ring_init(&ring, &driver.mem, 0, SIZE);
	driver_setup(&driver, 0, &ring, 1);
	loop_drain(&loop);
	ring_desc(&ring, 0,
		  (struct vring_desc){.addr = RING_END,
				      .len = 8,
				      .flags = VRING_DESC_F_WRITE});
	ring_offer(&ring, 0);
	driver_kick(&driver, 0);
	loop_drain(&loop);
	ck_assert_uint_eq(ring_used(&ring), 1);
}

START_TEST(notify_without_ioeventfd)
{
	request_works();
}
END_TEST

START_TEST(config_space)
{
	uint32_t gen = rd(VIRTIO_MMIO_CONFIG_GENERATION);

	virtio_dev_set_config(&rng.dev, CONFIG, sizeof(CONFIG));
	ck_assert_uint_ne(rd(VIRTIO_MMIO_CONFIG_GENERATION), gen);
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (unsigned int at = 0; at < 0x40; at++) {
			uint64_t want = 0;

			for (unsigned int i = 0; i < len; i++) {
				if (at + i < sizeof(CONFIG))
					want |= (uint64_t)CONFIG[at + i]
						<< (8 * i);
			}
			ck_assert_uint_eq(rd_len(VIRTIO_MMIO_CONFIG + at, len),
					  want);
		}
	}
}
END_TEST

/* Hostile */

START_TEST(hostile_19_config_writes)
{
	virtio_dev_set_config(&rng.dev, CONFIG, sizeof(CONFIG));
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (unsigned int at = 0; at <= 0xf00 - len; at++)
			wr_len(VIRTIO_MMIO_CONFIG + at, len, UINT64_MAX);
	}
	ck_assert_mem_eq(rng.dev.regs->config, CONFIG, sizeof(CONFIG));
	ck_assert_uint_eq(rd_len(0xff8, 8), 0);
	ck_assert_uint_eq(rd_len(0xfff, 1), 0);
}
END_TEST

START_TEST(hostile_19_widths)
{
	for (unsigned int len = 1; len <= 8; len *= 2) {
		for (uint32_t at = 0; at <= VIRTIO_MMIO_CONFIG - len; at++) {
			if (len == 4 && at % 4 == 0)
				continue;
			wr_len(at, len, UINT64_MAX);
		}
	}
	ck_assert_uint_eq(rd(VIRTIO_MMIO_STATUS), 0);
	ck_assert_uint_eq(mmio.queue_sel, 0);
	ck_assert_uint_eq(rng.dev.queue[0].cfg.size, 0);
}
END_TEST

/* What the registers say of the selected region. */
static void check_shm(uint64_t base, uint64_t len)
{
	ck_assert_uint_eq(rd(VIRTIO_MMIO_SHM_LEN_LOW), (uint32_t)len);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_SHM_LEN_HIGH), len >> 32);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_SHM_BASE_LOW), (uint32_t)base);
	ck_assert_uint_eq(rd(VIRTIO_MMIO_SHM_BASE_HIGH), base >> 32);
}

static const uint64_t SHM_BASE = 0x123c0000000;
static const uint64_t SHM_LEN = 0x67800200000;

START_TEST(shared_memory)
{
	virtio_dev_set_shm(&rng.dev, 0, SHM_BASE, SHM_LEN);
	wr(VIRTIO_MMIO_SHM_SEL, 0);
	check_shm(SHM_BASE, SHM_LEN);
	wr(VIRTIO_MMIO_SHM_SEL, 1);
	check_shm(UINT64_MAX, UINT64_MAX);
	wr(VIRTIO_MMIO_SHM_SEL, 0);
	check_shm(SHM_BASE, SHM_LEN);
	/* It is the device's, not the driver's. */
	wr(VIRTIO_MMIO_STATUS, 0);
	check_shm(SHM_BASE, SHM_LEN);
	driver_begin(&driver, 0);
	check_shm(SHM_BASE, SHM_LEN);
}
END_TEST

START_TEST(shared_memory_has_ids)
{
	virtio_dev_set_shm(&rng.dev, 1, SHM_BASE, SHM_LEN);
	check_shm(UINT64_MAX, UINT64_MAX);
	wr(VIRTIO_MMIO_SHM_SEL, 1);
	check_shm(SHM_BASE, SHM_LEN);
	virtio_dev_set_shm(&rng.dev, 0, SHM_LEN, SHM_BASE);
	check_shm(SHM_BASE, SHM_LEN);
	wr(VIRTIO_MMIO_SHM_SEL, 0);
	check_shm(SHM_LEN, SHM_BASE);
	wr(VIRTIO_MMIO_SHM_SEL, VIRTIO_MAX_SHM);
	check_shm(UINT64_MAX, UINT64_MAX);
}
END_TEST

START_TEST(hostile_20_shared_memory)
{
	static const uint32_t regs[] = {
		VIRTIO_MMIO_SHM_LEN_LOW, VIRTIO_MMIO_SHM_LEN_HIGH,
		VIRTIO_MMIO_SHM_BASE_LOW, VIRTIO_MMIO_SHM_BASE_HIGH};

	/* Without a region, and before anything is written. */
	check_shm(UINT64_MAX, UINT64_MAX);
	for (uint64_t id = 0; id <= UINT32_MAX; id = id * 2 + 1) {
		wr(VIRTIO_MMIO_SHM_SEL, id);
		check_shm(UINT64_MAX, UINT64_MAX);
	}
	virtio_dev_set_shm(&rng.dev, 0, SHM_BASE, SHM_LEN);
	for (uint64_t id = 1; id <= UINT32_MAX; id = id * 2 + 1) {
		wr(VIRTIO_MMIO_SHM_SEL, id);
		check_shm(UINT64_MAX, UINT64_MAX);
	}
	wr(VIRTIO_MMIO_SHM_SEL, 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(regs); i++) {
		wr(regs[i], 0);
		wr_len(regs[i], 1, 0);
		wr_len(regs[i], 2, 0);
		wr_len(regs[i], 8, 0);
	}
	wr_len(VIRTIO_MMIO_SHM_SEL, 1, 1);
	wr_len(VIRTIO_MMIO_SHM_SEL, 2, 1);
	wr_len(VIRTIO_MMIO_SHM_SEL, 8, 1);
	check_shm(SHM_BASE, SHM_LEN);
}
END_TEST

/* Write-only registers, gaps and legacy registers read as zero. */
START_TEST(hostile_registers_that_are_not_there)
{
	static const uint32_t offsets[] = {
		0x014, 0x020, 0x024, 0x028, 0x030, 0x038, 0x03c, 0x040, 0x048,
		0x050, 0x064, 0x080, 0x0a4, 0x0ac, 0x0c0, 0x0c4, 0x0f8};

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++)
		ck_assert_uint_eq(rd(offsets[i]), 0);
	for (uint32_t at = 0x0c0; at < VIRTIO_MMIO_CONFIG_GENERATION; at += 4)
		wr(at, UINT32_MAX);
}
END_TEST

/* Bring the device into one of its states, with a queue that is half real. */
static void enter_state(unsigned int state)
{
	driver_write(&driver, VIRTIO_MMIO_STATUS, 0);
	ring_init(&ring, &driver.mem, 0, SIZE);
	if (state == 1)
		driver_add_status(&driver, 3);
	if (state >= 2)
		driver_begin(&driver, BIT(VIRTIO_RING_F_EVENT_IDX));
	if (state >= 3)
		driver_enable(&driver, 0, &ring.cfg);
	if (state >= 4)
		driver_add_status(&driver, VIRTIO_CONFIG_S_DRIVER_OK);
	if (state >= 5) {
		ring_offer(&ring, 0xffff);
		driver_kick(&driver, 0);
		loop_drain(&loop);
		ck_assert(rd(VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	}
}

static uint64_t random64(void)
{
	static const uint64_t likely[] = {0, 1, 2, 3, 0xf, SIZE, 0x8000};

	if (rand() % 4 == 0)
		return likely[rand() % ARRAY_SIZE(likely)];
	return ((uint64_t)rand() << 42) ^ ((uint64_t)rand() << 21) ^ rand();
}

/* Every offset, every width, random values, in every state: the only rule is
 * that a reset and a proper driver find a device that works.
 */
START_TEST(hostile_garbage_sweep)
{
	srand(_i);
	for (unsigned int len = 1; len <= 8; len *= 2) {
		enter_state(_i);
		for (uint32_t at = 0; at <= LAYOUT_MMIO_SIZE - len; at++) {
			wr_len(at, len, random64());
			rd_len(at, len);
			wr_len(at, len, random64());
			if (at % 64 == 0)
				loop_drain(&loop);
			if (at % 256 == 0)
				enter_state(_i);
		}
	}
	loop_drain(&loop);
	request_works();
}
END_TEST

/* Only registers, in any order: finds sequences that no sweep has. */
START_TEST(hostile_garbage_sequences)
{
	srand(_i);
	for (unsigned int i = 0; i < 5000; i++) {
		if (i % 500 == 0)
			enter_state(_i);
		wr(rand() % 64 * 4, random64());
		rd(rand() % 64 * 4);
		if (i % 16 == 0)
			loop_drain(&loop);
	}
}
END_TEST

static Suite *mmio_suite(void)
{
	Suite *s = suite_create("mmio");
	TCase *good = tcase_create("registers");
	TCase *bad = tcase_create("hostile");

	tcase_add_checked_fixture(good, setup, teardown);
	tcase_add_checked_fixture(bad, setup, teardown);
	tcase_set_timeout(bad, 30);
	tcase_add_test(good, identity);
	tcase_add_test(good, place_on_the_bus);
	tcase_add_test(good, device_features);
	tcase_add_test(good, queue_registers);
	tcase_add_test(good, interrupt_status);
	tcase_add_test(good, acknowledged_without_an_exit);
	tcase_add_test(good, registers_are_in_guest_memory);
	tcase_add_test(good, notify_without_ioeventfd);
	tcase_add_test(good, config_space);
	tcase_add_test(good, shared_memory);
	tcase_add_test(good, shared_memory_has_ids);
	suite_add_tcase(s, good);

	tcase_add_test(bad, hostile_19_config_writes);
	tcase_add_test(bad, hostile_19_widths);
	tcase_add_test(bad, hostile_20_shared_memory);
	tcase_add_test(bad, hostile_registers_that_are_not_there);
	tcase_add_loop_test(bad, hostile_garbage_sweep, 0, 6);
	tcase_add_loop_test(bad, hostile_garbage_sequences, 0, 6);
	suite_add_tcase(s, bad);
	return s;
}

int main(void)
{
	SRunner *sr = srunner_create(mmio_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
