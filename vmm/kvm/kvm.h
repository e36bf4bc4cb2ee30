/*
 * The host's KVM and one virtual machine (Documentation/virt/kvm/api.rst).
 */
#ifndef VMM_KVM_KVM_H
#define VMM_KVM_KVM_H

#include <stdbool.h>
#include <stddef.h>

struct bus;
struct fail;
struct guestmem;

/**
 * struct kvm - A virtual machine without processors [init]
 * @fd:			/dev/kvm [owned]
 * @vm_fd:		The virtual machine [owned]
 * @run_len:		Bytes of a vCPU's shared struct kvm_run
 * @tsc_deadline:	The in-kernel APIC has the TSC deadline timer
 * @stock:		kvm_runs_stock_kernels(), as long as /sys was there
 */
struct kvm {
	int fd;
	int vm_fd;
	size_t run_len;
	bool tsc_deadline;
	bool stock;
};

/**
 * kvm_init() - Open /dev/kvm, check what it offers, create an empty machine
 * @kvm:	Filled; to be destroyed whatever the result
 * @fail:	Receives one line if something is missing
 *
 * Return: 0 or a negative errno with @fail set
 * #syscalls: openat ioctl
 */
int kvm_init(struct kvm *kvm, struct fail *fail);

/** kvm_destroy() - Release the machine; accepts a half-built one */
void kvm_destroy(struct kvm *kvm);

/**
 * kvm_add_memory() - Show RAM and windows to the guest, a memory slot for each
 * @kvm:	Machine
 * @mem:	Guest memory; must outlive the machine
 *
 * Return: 0 or a negative errno
 * #syscalls: ioctl
 */
int kvm_add_memory(const struct kvm *kvm, const struct guestmem *mem);

/**
 * kvm_add_irqchip() - Give the machine its IOAPIC and local APICs
 * @kvm:	Machine with all its memory, still without processors
 *
 * No PIT: the guest has the TSC deadline timer and kvm-clock. After the memory,
 * because KVM waits for a grace period (5 ms) before it changes the memory of a
 * machine that has interrupt routes.
 *
 * Return: 0 or a negative errno
 * #syscalls: ioctl
 */
int kvm_add_irqchip(const struct kvm *kvm);

/**
 * kvm_add_notifiers() - Let the kernel do what the bus recorded: kicks become
 *			 ioeventfds, lines irqfds
 * @kvm:	Machine
 * @bus:	Bus, complete
 *
 * Return: 0 or a negative errno
 * #syscalls: ioctl
 */
int kvm_add_notifiers(const struct kvm *kvm, const struct bus *bus);

/**
 * kvm_kind() - The kernel module behind /dev/kvm
 *
 * Return: "kvm_intel", "kvm_amd", "kvm_pvm" or "unknown"
 * #syscalls: access
 */
const char *kvm_kind(void);

/* What to tell the user if it cannot run stock kernels */
#define KVM_NO_STOCK_KERNELS                                                   \
	"this host's KVM (kvm_pvm) cannot run stock kernels; use a host with " \
	"kvm_intel or kvm_amd"

/**
 * kvm_runs_stock_kernels() - Can this host's KVM run an unmodified kernel?
 *
 * KVM on top of paravirtual hosts (module kvm_pvm) creates machines like any
 * other, but emulates a guest's privileged code, and not all of it.
 *
 * Return: false only if that is known
 * #syscalls: access
 */
bool kvm_runs_stock_kernels(void);

#endif /* VMM_KVM_KVM_H */
