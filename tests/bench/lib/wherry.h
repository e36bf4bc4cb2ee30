/*
 * Wherry's own device in this process: its registers on a bus, its rings in
 * guest memory, its threads. All that is missing of a machine are processors.
 */
#ifndef TESTS_BENCH_LIB_WHERRY_H
#define TESTS_BENCH_LIB_WHERRY_H

#include "devices/virtio/mmio.h"
#include "devices/virtio_fs.h"
#include "tests/bench/lib/target.h"
#include "vmm/base/bus.h"
#include "vmm/base/guestmem.h"
#include "vmm/base/thread.h"

struct fail;

/**
 * struct wherry - A device, as `wherry run` makes one for its root
 * @target:	As the driver finds it
 * @mem:	Guest memory with a window
 * @bus:	Where the registers are
 * @fs:		File server
 * @device:	Device
 * @mmio:	Its registers
 * @entry:	What each thread calls first
 * @lock:	Serializes the threads' beginnings
 * @filtered:	Threads make only the system calls that they may make in wherry
 */
struct wherry {
	struct target target;
	struct guestmem mem;
	struct bus bus;
	struct fs fs;
	struct virtio_fs device;
	struct virtio_mmio mmio;
	struct thread_entry entry;
	pthread_mutex_t lock;
	bool filtered;
};

/**
 * wherry_start() - Serve a directory
 * @w:		Filled
 * @dir:	Directory
 * @lock:	Serializes the threads' beginnings
 * @filtered:	With the filters of system calls
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set; then the process is of no use
 */
int wherry_start(struct wherry *w, const char *dir, bool filtered,
		 struct fail *fail);

/** wherry_stop() - End it */
void wherry_stop(struct wherry *w);

#endif /* TESTS_BENCH_LIB_WHERRY_H */
