/*
 * The virtio-console ports by which init reaches the monitor.
 */
#ifndef BOOT_GUEST_PORTS_H
#define BOOT_GUEST_PORTS_H

#include "boot/guest/abi.h"

/**
 * struct ports - Open ports
 * @fd:		Non-blocking, -1 for one that is not open [owned]
 * @cnt:	The first so many of them are there
 */
struct ports {
	int fd[GUEST_NUM_PORTS];
	unsigned int cnt;
};

/** ports_init() - No port is open, and there is none for sessions */
void ports_init(struct ports *ports);

/**
 * ports_open() - Open all ports and wait until the monitor has opened its ends
 * @ports:	Made by ports_init(); on failure some may be open
 * @timeout_ms:	How long to wait for them to appear
 * @why:	Set on failure
 *
 * Return: 0 or -ENODEV
 */
int ports_open(struct ports *ports, int timeout_ms, struct guest_msg *why);

#endif /* BOOT_GUEST_PORTS_H */
