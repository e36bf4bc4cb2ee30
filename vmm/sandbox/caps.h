/*
 * Capabilities (capabilities(7)): their names, and those of the monitor and of
 * its kinds of threads.
 */
#ifndef VMM_SANDBOX_CAPS_H
#define VMM_SANDBOX_CAPS_H

#include <stdbool.h>

#include "vmm/base/thread.h"
#include "vmm/sandbox/userns.h"

/**
 * caps_can_isolate() - May this process make namespaces, and keep capabilities
 *			over the host's files, without a user namespace?
 */
bool caps_can_isolate(void);

/**
 * caps_find() - Number of a capability
 * @name:	As in capabilities(7), in any case, with or without CAP_
 *
 * Return: the number or -EINVAL
 */
int caps_find(const char *name);

/**
 * caps_limit() - Let no thread ever have more than file servers need
 * @ids:	Whose ids the monitor has
 * @handles:	They find files by handles
 *
 * For the calling thread and those that it starts: bounding set, inheritable
 * and ambient set, and the effective and permitted sets.
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): prctl capget capset
 */
int caps_limit(enum userns_ids ids, bool handles);

/**
 * caps_enter() - Keep what a kind of thread needs of the thread's capabilities
 *
 * Return: 0 or a negative errno
 * #syscalls(setup): capget capset
 */
int caps_enter(enum thread_kind kind);

#endif /* VMM_SANDBOX_CAPS_H */
