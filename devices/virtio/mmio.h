/*
 * The virtio-mmio transport, version 2: registers in guest physical memory
 * (virtio 1.2, 4.2.2).
 */
#ifndef DEVICES_VIRTIO_MMIO_H
#define DEVICES_VIRTIO_MMIO_H

#include <stdint.h>

struct bus;
struct virtio_dev;

/**
 * struct virtio_mmio - Registers in front of a device
 * @dev:		Device [init, borrowed]
 * @device_features_sel: Half that DeviceFeatures shows [dev->lock]
 * @driver_features_sel: Half that DriverFeatures sets [dev->lock]
 * @queue_sel:		Queue that the registers show; unchecked [dev->lock]
 * @shm_sel:		Shared memory region that the registers show; unchecked
 *			[dev->lock]
 */
struct virtio_mmio {
	struct virtio_dev *dev;
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint32_t queue_sel;
	uint32_t shm_sel;
};

/**
 * virtio_mmio_init() - Put a device's registers on the bus
 * @m:		Filled; outlives the bus
 * @dev:	Device, initialised
 * @bus:	Gets the range LAYOUT_MMIO_BASE + @slot * LAYOUT_MMIO_SIZE, one
 *		kick for each queue and line LAYOUT_GSI_MMIO + @slot
 * @slot:	Place
 *
 * Return: 0, -ENOSPC if there is no such slot or the bus is full, -EEXIST if
 *	   the slot is taken
 */
int virtio_mmio_init(struct virtio_mmio *m, struct virtio_dev *dev,
		     struct bus *bus, unsigned int slot);

#endif /* DEVICES_VIRTIO_MMIO_H */
