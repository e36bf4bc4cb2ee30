/*
 * A virtual machine: owns every part, builds them in a visible order, runs
 * them, and takes them down in reverse.
 *
 * Threads: the main thread builds the machine and then runs its loop; each
 * processor has a thread that calls the bus; each queue of a share has a thread
 * that serves files. Any of them may call machine_end(); the main thread then
 * stops the others.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "devices/fs/server.h"
#include "devices/power.h"
#include "devices/serial.h"
#include "devices/virtio/mmio.h"
#include "devices/virtio_balloon.h"
#include "devices/virtio_fs.h"
#include "devices/virtio_rng.h"
#include "vmm/base/bus.h"
#include "vmm/base/guestmem.h"
#include "vmm/base/loop.h"
#include "vmm/config.h"
#include "vmm/klog.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/outcome.h"

struct boot_config;
struct fail;
struct thread_entry;
struct timing;

/**
 * struct machine_share - A host directory as a device
 * @window:	Where it can map files; NULL: nowhere [init, the machine's]
 * @table:	Where the guest sees its table of versions; NULL: nowhere [init,
 *		the machine's]
 * @tag:	Its name [borrowed]
 * @fs:		File server
 * @dev:	Device in front of it
 * @mmio:	Its registers
 */
struct machine_share {
	const struct guestmem_region *window;
	const struct guestmem_region *table;
	const char *tag;
	struct fs fs;
	struct virtio_fs dev;
	struct virtio_mmio mmio;
};

/**
 * struct machine_signals - Who hears of signals
 * @came:	Called with one of those that the keeper passes on, and whether
 *		it was meant for a group of processes. NULL: those that end a
 *		process end the machine
 * @opaque:	First argument of @came
 */
struct machine_signals {
	void (*came)(void *opaque, int sig, bool to_group);
	void *opaque;
};

/** enum machine_stage - How far a machine is built: what must be destroyed */
enum machine_stage {
	MACHINE_EMPTY,	 /* nothing: zeroed memory is in this stage */
	MACHINE_BARE,	 /* RAM, KVM, loop, signals */
	MACHINE_SERIAL,	 /* and the serial port */
	MACHINE_RNG,	 /* and the entropy device */
	MACHINE_BALLOON, /* and all devices that every machine has */
};

/**
 * struct machine - A virtual machine, in the order in which it is built
 * @stage:	How far it was built
 * @mem:	RAM and windows
 * @kvm:	KVM's side
 * @bus:	Who answers where
 * @loop:	Runs on the main thread
 * @signals:	What the keeper sends, as a descriptor [owned]
 * @on_signal:	Who hears of it [loop]
 * @klog:	Last lines of the serial console
 * @console_fd:	Where the serial console goes beside @klog, -1 for nowhere
 *		[borrowed]
 * @console_left: Bytes that may still go there; what the command may write is
 *		counted apart
 * @serial:	Serial port
 * @power:	Off and reset
 * @slot_cnt:	virtio-mmio slots in use
 * @fs_queue_cnt: Queues for requests that each share has
 * @rng:	Slot 0
 * @rng_mmio:	Its registers
 * @balloon:	In the last slot of all
 * @balloon_mmio: Its registers
 * @share:	From slot 1 on; the root is one of them
 * @share_cnt:	How many
 * @vcpu_owner:	What the processors know of the machine
 * @vcpus:	Processors
 * @outcome:	Why it ended [outcome_lock]
 * @outcome_lock: A leaf
 */
struct machine {
	enum machine_stage stage;
	struct guestmem mem;
	struct kvm kvm;
	struct bus bus;
	struct loop loop;
	struct loop_source signals;
	struct machine_signals on_signal;
	struct klog klog;
	int console_fd;
	_Atomic uint64_t console_left;
	struct serial serial;
	struct power power;
	unsigned int slot_cnt;
	unsigned int fs_queue_cnt;
	struct virtio_rng rng;
	struct virtio_mmio rng_mmio;
	struct virtio_balloon balloon;
	struct virtio_mmio balloon_mmio;
	struct machine_share share[CONFIG_MAX_SHARES + 1];
	unsigned int share_cnt;
	struct vcpu_owner vcpu_owner;
	struct vcpus vcpus;
	struct outcome outcome;
	pthread_mutex_t outcome_lock;
};

/**
 * machine_init() - Build a machine without shares and processors
 * @m:		Filled; to be destroyed whatever the result
 * @config:	Its RAM, how many processors it will have, and which of its
 *		shares will have windows: memory must be complete before the
 *		interrupt controllers are there (kvm_add_irqchip())
 * @console_fd:	Where the serial console goes, -1 for nowhere
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls: signalfd4 rt_sigprocmask prlimit64
 */
int machine_init(struct machine *m, const struct config *config, int console_fd,
		 struct fail *fail);

/**
 * machine_add_device() - Put a device into the next virtio-mmio slot
 * @m:		Machine, still being built
 * @dev:	Device, initialised
 * @mmio:	Its registers, filled; outlives @m's processors
 *
 * Return: 0 or a negative errno
 */
int machine_add_device(struct machine *m, struct virtio_dev *dev,
		       struct virtio_mmio *mmio);

/**
 * machine_add_share() - Offer a host directory to the guest
 * @m:		Machine, still being built. Shares come in the order of its
 *		configuration, the root of `run` first: so each gets its window
 * @tag:	Name by which the guest mounts it; outlives @m
 * @config:	What and how; its descriptor stays the caller's, its window is
 *		the machine's business
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 */
int machine_add_share(struct machine *m, const char *tag,
		      const struct fs_config *config, struct fail *fail);

/**
 * machine_load() - Put kernel and tables into RAM and create the processors
 * @m:		Machine, with all its devices
 * @boot:	What to boot; the machine fills in its own part
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 */
int machine_load(struct machine *m, struct boot_config *boot,
		 struct fail *fail);

/**
 * machine_run() - Run until somebody calls machine_end()
 * @m:		Machine, loaded
 * @entry:	What each thread calls before its work, this one after all
 *		others were started: from then on it is the loop thread. NULL
 *		for nothing; outlives the threads
 * @timing:	Gets the time of the first KVM_RUN
 * @fail:	Receives one line if something is wrong
 *
 * Afterwards all other threads are gone, the guest's memory and rings are as
 * they were when it ended, and signals that end a process do so.
 *
 * Return: 0 with @m->outcome set, or a negative errno with @fail set
 * #syscalls(loop): rt_sigprocmask
 */
int machine_run(struct machine *m, const struct thread_entry *entry,
		struct timing *timing, struct fail *fail);

/**
 * machine_end() - Let machine_run() return; any thread
 *
 * Parameters as outcome_set(); of several calls the one that ranks highest
 * counts.
 *
 * #syscalls(loop vcpu): futex write
 */
void machine_end(struct machine *m, enum outcome_kind kind, int value,
		 const char *text);

/**
 * machine_note() - Note how the machine will have ended, unless something that
 *		    outranks it comes; any thread
 *
 * Parameters as machine_end(), which does this and ends it.
 *
 * #syscalls(loop vcpu): futex
 */
void machine_note(struct machine *m, enum outcome_kind kind, int value,
		  const char *text);

/**
 * machine_print_stats() - Print what the shares counted, as one JSON object in
 *			   a line
 * @m:		Machine whose shares count, after machine_run()
 * @to:		Stream
 *
 * #syscalls(loop): write
 */
void machine_print_stats(struct machine *m, FILE *to);

/**
 * machine_destroy() - Release everything of a machine, in any stage
 *
 * #syscalls(loop): munmap close brk
 */
void machine_destroy(struct machine *m);

#endif /* VMM_MACHINE_H */
