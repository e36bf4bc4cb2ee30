/*
 * What a guest's CPUID instruction answers.
 */
#ifndef VMM_KVM_CPUID_H
#define VMM_KVM_CPUID_H

#include <linux/kvm.h>
#include <stdbool.h>

struct kvm;

enum { CPUID_MAX_ENTRIES = 256 };

/**
 * struct cpuid - A CPUID table in the form that KVM_SET_CPUID2 takes
 * @nent:	Entries in use
 * @padding:	As KVM has it
 * @entry:	Leaves and subleaves
 */
struct cpuid {
	__u32 nent;
	__u32 padding;
	struct kvm_cpuid_entry2 entry[CPUID_MAX_ENTRIES];
};

/**
 * cpuid_init() - What the host supports, less what the policy forbids
 * @cpuid:	Filled; the same for all processors so far
 * @kvm:	Machine
 *
 * Return: 0 or a negative errno
 * #syscalls: ioctl
 */
int cpuid_init(struct cpuid *cpuid, const struct kvm *kvm);

/**
 * cpuid_phys_bits() - Width of the guest's physical addresses
 * @cpuid:	Table from cpuid_init()
 *
 * Return: 32 to 52; 36 if the table does not say
 */
unsigned int cpuid_phys_bits(const struct cpuid *cpuid);

/**
 * cpuid_set_topology() - Write what is a processor's own: its APIC id among
 *			  @cnt cores of one package, without hyperthreads
 * @cpuid:	Table from cpuid_init(); may be reused for the next processor
 * @idx:	Local APIC id
 * @cnt:	Processors of the machine
 */
void cpuid_set_topology(struct cpuid *cpuid, unsigned int idx,
			unsigned int cnt);

#endif /* VMM_KVM_CPUID_H */
