/*
 * What the command may use: resources and capabilities.
 */
#ifndef BOOT_GUEST_LIMITS_H
#define BOOT_GUEST_LIMITS_H

#include "boot/guest/abi.h"

struct plan;

/**
 * limits_set() - Limit the calling process as the plan says
 * @plan:	Its resource limits, number of processes and capabilities
 * @why:	Set on failure
 *
 * To be called as root, which may raise limits. What is dropped of capabilities
 * is gone with the next execve(), whoever calls it.
 *
 * Return: 0 or a negative errno
 */
int limits_set(const struct plan *plan, struct guest_msg *why);

#endif /* BOOT_GUEST_LIMITS_H */
