/*
 * Virtual processors: a thread each, that runs the guest and hands its
 * accesses to the bus.
 *
 * Theory of operation: a vCPU thread is in KVM_RUN, or in the handler of an
 * exit. To stop it, vcpu_stop() first sets run->immediate_exit, then sends
 * VCPU_SIGNAL. If the thread was in KVM_RUN, or sleeps in a system call of a
 * handler, the signal ends that with EINTR; if it was elsewhere, the next
 * KVM_RUN returns at once. Only a handler that was about to sleep misses the
 * signal; so it is sent again every 10 ms until the thread has ended.
 */
#ifndef VMM_KVM_VCPU_H
#define VMM_KVM_VCPU_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/layout.h"

struct bus;
struct fail;
struct kvm;
struct kvm_run;
struct regs_entry;
struct thread_entry;

/** enum vcpu_fault - Why a processor cannot go on */
enum vcpu_fault {
	VCPU_TRIPLE_FAULT, /* the guest crashed beyond its own handlers */
	VCPU_KVM_ERROR,	   /* KVM gave up; the text says why */
	VCPU_NUM_FAULTS,
};

/**
 * struct vcpu_owner - Who owns the processors
 * @bus:	Answers accesses [borrowed]
 * @fault:	Called on a vCPU thread, which then ends; several threads may
 *		call it at once. @text is one line about the cause
 * @mend:	KVM found no page for the guest: see to it that there is one.
 *		Called on a vCPU thread, several at once. Returns a number that
 *		is another one if the guest's memory has changed meanwhile
 * @opaque:	First argument of @fault and @mend
 * @entry:	What each thread calls first, NULL for nothing [borrowed; set
 *		before vcpus_start()]
 */
struct vcpu_owner {
	const struct bus *bus;
	void (*fault)(void *opaque, enum vcpu_fault fault, const char *text);
	uint64_t (*mend)(void *opaque);
	void *opaque;
	const struct thread_entry *entry;
};

/**
 * struct vcpu - One processor
 * @idx:	Which [init]
 * @fd:		KVM's handle [owned]
 * @run:	Area shared with KVM [owned]
 * @run_len:	Bytes at @run
 * @owner:	[borrowed]
 * @gate:	The processors' [borrowed]
 * @thread:	Valid while @started
 * @started:	The thread exists
 * @stopping:	Set once by vcpu_stop()
 * @first_run_ns:	CLOCK_MONOTONIC before the first KVM_RUN, 0 if none yet
 * @mended:	What @owner->mend() said last [thread]
 * @try_cnt:	Failures since it said something else [thread]
 * @exit_cnt:	Exits to user space so far [thread; any after vcpu_stop()]
 */
struct vcpu {
	unsigned int idx;
	int fd;
	struct kvm_run *run;
	size_t run_len;
	const struct vcpu_owner *owner;
	pthread_mutex_t *gate;
	pthread_t thread;
	bool started;
	_Atomic bool stopping;
	_Atomic uint64_t first_run_ns;
	uint64_t mended;
	unsigned int try_cnt;
	uint64_t exit_cnt;
};

/**
 * struct vcpus - All processors of a machine
 * @vcpu:	Processor @i has local APIC id @i
 * @cnt:	Processors in use
 * @gate:	Locked from vcpus_init() to vcpus_go(): no processor runs before
 */
struct vcpus {
	struct vcpu vcpu[LAYOUT_MAX_CPUS];
	unsigned int cnt;
	pthread_mutex_t gate;
};

/**
 * vcpus_init() - Create processors, the first of which starts at @entry
 * @vcpus:	Filled; to be destroyed whatever the result
 * @kvm:	Machine
 * @cnt:	How many, at most LAYOUT_MAX_CPUS
 * @entry:	Where processor 0 starts; the others wait for it
 * @owner:	Must outlive @vcpus
 *
 * Return: 0 or a negative errno
 * #syscalls: ioctl mmap
 */
int vcpus_init(struct vcpus *vcpus, const struct kvm *kvm, unsigned int cnt,
	       const struct regs_entry *entry, const struct vcpu_owner *owner);

/**
 * vcpus_start() - Start a thread for each processor, which waits for vcpus_go()
 *
 * Return: 0 or a negative errno; vcpus_go() and vcpus_stop() end those that did
 *	   start
 * #syscalls: rt_sigaction prctl
 * #syscalls(vcpu): ioctl(KVM_RUN) clock_gettime clock_nanosleep
 * #syscalls(vcpu): rt_sigreturn restart_syscall futex
 */
int vcpus_start(struct vcpus *vcpus);

/**
 * vcpus_go() - Let the processors run; once, on the thread of vcpus_init()
 *
 * #syscalls(loop): futex
 */
void vcpus_go(struct vcpus *vcpus);

/**
 * vcpus_stop() - Stop all processors and wait for their threads
 *
 * Not on a vCPU thread. Afterwards no device is called by the guest any more.
 * #syscalls(loop): tgkill getpid rt_sigprocmask clock_gettime futex
 * #syscalls(loop): munmap
 */
void vcpus_stop(struct vcpus *vcpus);

/**
 * vcpus_destroy() - Stop and release all processors, even half-built ones
 *
 * #syscalls(loop): munmap close
 */
void vcpus_destroy(struct vcpus *vcpus);

#endif /* VMM_KVM_VCPU_H */
