/*
 * The state in which processors start.
 */
#ifndef VMM_KVM_REGS_H
#define VMM_KVM_REGS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct regs_entry - Where the boot processor starts
 * @rip:		First instruction
 * @rsi:		Argument: address of boot_params
 * @rsp:		Stack
 * @cr3:		Page tables, if not @protected32
 * @protected32:	Flat 32-bit protected mode without paging, instead of
 *			64-bit mode
 */
struct regs_entry {
	uint64_t rip;
	uint64_t rsi;
	uint64_t rsp;
	uint64_t cr3;
	bool protected32;
};

/**
 * regs_init_vcpu() - Set the MSRs that firmware would set, on any processor
 * @vcpu_fd:	Processor, CPUID already set
 *
 * Return: 0 or a negative errno
 * #syscalls: ioctl
 */
int regs_init_vcpu(int vcpu_fd);

/**
 * regs_set_entry() - Set the boot processor's registers (boot.rst, "64-bit
 *		      Boot Protocol" and "32-bit Boot Protocol")
 * @vcpu_fd:	Processor 0
 * @entry:	Where it starts
 *
 * Return: 0 or a negative errno
 * #syscalls: ioctl
 */
int regs_set_entry(int vcpu_fd, const struct regs_entry *entry);

#endif /* VMM_KVM_REGS_H */
