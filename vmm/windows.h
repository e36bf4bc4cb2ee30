/*
 * The shares' windows: where guests see host files without messages (dax.h),
 * and their tables of versions (versions.h).
 *
 * Theory of operation: a window is guest memory (guestmem.h), known to its
 * device as a shared memory region. For a processor that finds no page there,
 * there are three ways to go on. Two lead here: KVM_RUN fails (windows_mend()),
 * or KVM takes the access for one to a device, and the bus brings it here
 * (windows_connect()). The third one tries for ever, which is ended by whoever
 * puts a page there.
 */
#ifndef VMM_WINDOWS_H
#define VMM_WINDOWS_H

#include <stdint.h>

struct config;
struct fail;
struct machine;
struct machine_share;

/**
 * windows_add() - Reserve windows for the shares that machine_add_share() will
 *		   add
 * @m:		Machine with all its RAM
 * @config:	Which shares there will be
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls: openat read close
 */
int windows_add(struct machine *m, const struct config *config,
		struct fail *fail);

/**
 * windows_max_ranges() - How many ranges of files a window of @m may show
 *
 * So many that half of the mappings that this process may have are not theirs
 * (vm.max_map_count).
 */
uint32_t windows_max_ranges(const struct machine *m);

/**
 * windows_connect() - Let device and bus know of a share's window and table
 *
 * Of a table no bus knows: what a guest writes there is nobody's.
 *
 * Return: 0 or a negative errno
 */
int windows_connect(struct machine *m, struct machine_share *share);

/**
 * windows_mend() - A processor finds no page: as vcpu_owner.mend()
 * @opaque:	Machine
 *
 * #syscalls(vcpu): statx mmap
 */
uint64_t windows_mend(void *opaque);

#endif /* VMM_WINDOWS_H */
