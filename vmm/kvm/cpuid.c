/*
 * What a guest's CPUID instruction answers: policy and topology as tables
 * (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E).
 */
#include "vmm/kvm/cpuid.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/base/bits.h"
#include "vmm/kvm/kvm.h"

enum cpuid_reg { EAX, EBX, ECX, EDX };

/* Of physical addresses: SDM volume 3, 4.1.4, and leaf 0x80000008. */
#define PHYS_BITS_MIN 32U
#define PHYS_BITS_DEFAULT 36U
#define PHYS_BITS_MAX 52U

/* Bits of any leaf that the guest shall not see, or shall see although KVM
 * leaves them to user space. ANY as index: all subleaves.
 */
static const __u32 ANY = ~0U;

static const struct policy {
	__u32 leaf;
	__u32 index;
	enum cpuid_reg reg;
	__u32 clear;
	__u32 set;
	const char *reason;
} policies[] = {
	{0x1, ANY, ECX, BIT(3), 0, "MONITOR: would keep a host CPU awake"},
	{0x1, ANY, ECX, BIT(5), 0, "VMX: no machines in machines"},
	{0x1, ANY, ECX, BIT(15), 0, "PDCM: no performance counters"},
	{0x1, ANY, ECX, 0, BIT(31), "HYPERVISOR: honest"},
	{0x5, ANY, EAX, ~0U, 0, "MONITOR line sizes"},
	{0x5, ANY, EBX, ~0U, 0, "MONITOR line sizes"},
	{0x5, ANY, ECX, ~0U, 0, "MWAIT extensions"},
	{0x5, ANY, EDX, ~0U, 0, "MWAIT sub-states"},
	{0x6, ANY, EAX, ~0U, BIT(2), "ARAT only: the APIC timer never stops"},
	{0x6, ANY, EBX, ~0U, 0, "thermal sensors"},
	{0x6, ANY, ECX, ~0U, 0, "APERF/MPERF, energy bias"},
	{0x7, 0, ECX, BIT(5), 0, "WAITPKG: would keep a host CPU awake"},
	{0xa, ANY, EAX, ~0U, 0, "no performance counters"},
	{0xa, ANY, EBX, ~0U, 0, "no performance counters"},
	{0xa, ANY, ECX, ~0U, 0, "no performance counters"},
	{0xa, ANY, EDX, ~0U, 0, "no performance counters"},
	{0x80000001, ANY, ECX, BIT(2), 0, "SVM: no machines in machines"},
	{0x80000001, ANY, ECX, BIT(23) | BIT(24) | BIT(28), 0,
	 "no performance counters"},
	{0x80000022, ANY, EAX, ~0U, 0, "no performance counters"},
	{0x80000022, ANY, EBX, ~0U, 0, "no performance counters"},
};

static __u32 *entry_reg(struct kvm_cpuid_entry2 *e, enum cpuid_reg reg)
{
	switch (reg) {
	case EAX:
		return &e->eax;
	case EBX:
		return &e->ebx;
	case ECX:
		return &e->ecx;
	case EDX:
		break;
	}
	return &e->edx;
}

static void apply_policies(struct kvm_cpuid_entry2 *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		const struct policy *p = &policies[i];
		__u32 *reg = entry_reg(e, p->reg);

		if (p->leaf == e->function &&
		    (p->index == ANY || p->index == e->index))
			*reg = (*reg & ~p->clear) | p->set;
	}
}

/* The extended topology leaves are written whole by add_topology(). */
static bool is_topology(const struct kvm_cpuid_entry2 *e)
{
	return e->function == 0xb || e->function == 0x1f;
}

/* Three subleaves of leaf 0xb: threads, cores, end. */
static int add_topology(struct cpuid *cpuid)
{
	if (cpuid->nent + 3 > CPUID_MAX_ENTRIES)
		return -E2BIG;
	for (__u32 i = 0; i < 3; i++)
		cpuid->entry[cpuid->nent++] = (struct kvm_cpuid_entry2){
			.function = 0xb,
			.index = i,
			.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		};
	return 0;
}

int cpuid_init(struct cpuid *cpuid, const struct kvm *kvm)
{
	unsigned int kept = 0;

	*cpuid = (struct cpuid){.nent = CPUID_MAX_ENTRIES};
	if (ioctl(kvm->fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return -errno;
	for (unsigned int i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entry[kept];

		*e = cpuid->entry[i];
		apply_policies(e);
		if (e->function == 0x1 && kvm->tsc_deadline)
			e->ecx |= BIT(24);
		if (!is_topology(e))
			kept++;
	}
	cpuid->nent = kept;
	return add_topology(cpuid);
}

unsigned int cpuid_phys_bits(const struct cpuid *cpuid)
{
	for (unsigned int i = 0; i < cpuid->nent; i++) {
		unsigned int bits = cpuid->entry[i].eax & 0xff;

		if (cpuid->entry[i].function == 0x80000008 && bits)
			return MAX(MIN(bits, PHYS_BITS_MAX), PHYS_BITS_MIN);
	}
	return PHYS_BITS_DEFAULT;
}

/* Replace @width bits from @shift on. */
static void put_bits(__u32 *reg, unsigned int shift, unsigned int width,
		     __u32 value)
{
	__u32 mask = (__u32)(BIT(width) - 1) << shift;

	*reg = (*reg & ~mask) | ((value << shift) & mask);
}

/* Bits of an APIC id that tell the cores of a package apart. */
static unsigned int core_bits(unsigned int cnt)
{
	unsigned int bits = 0;

	while ((1U << bits) < cnt)
		bits++;
	return bits;
}

/* Cache leaves 4 (Intel) and 0x8000001d (AMD): level 3 belongs to all. */
static void set_cache_sharing(struct kvm_cpuid_entry2 *e, unsigned int cnt)
{
	unsigned int level = (e->eax >> 5) & 7;

	put_bits(&e->eax, 14, 12, level == 3 ? cnt - 1 : 0);
	if (e->function == 0x4 && e->eax)
		put_bits(&e->eax, 26, 6, cnt - 1);
}

/* Leaf 0xb: subleaf 0 threads of a core, 1 cores of the package, 2 the end. */
static void set_levels(struct kvm_cpuid_entry2 *e, unsigned int idx,
		       unsigned int cnt)
{
	e->eax = e->index == 1 ? core_bits(cnt) : 0;
	e->ebx = e->index == 0 ? 1 : e->index == 1 ? cnt : 0;
	e->ecx = e->index | (e->index < 2 ? (e->index + 1) << 8 : 0);
	e->edx = idx;
}

static void set_entry(struct kvm_cpuid_entry2 *e, unsigned int idx,
		      unsigned int cnt)
{
	switch (e->function) {
	case 0x1:
		put_bits(&e->ebx, 16, 8, cnt);
		put_bits(&e->ebx, 24, 8, idx);
		put_bits(&e->edx, 28, 1, cnt > 1); /* HTT: several cores */
		break;
	case 0x4:
	case 0x8000001d:
		set_cache_sharing(e, cnt);
		break;
	case 0xb:
		set_levels(e, idx, cnt);
		break;
	case 0x80000001:
		put_bits(&e->ecx, 1, 1, cnt > 1); /* CmpLegacy: as HTT */
		break;
	case 0x80000008:
		put_bits(&e->ecx, 0, 8, cnt - 1);
		put_bits(&e->ecx, 12, 4, core_bits(cnt));
		break;
	case 0x8000001e:
		e->eax = idx;
		e->ebx = idx; /* core id; one thread each */
		e->ecx = 0;   /* node 0 of one */
		break;
	default:
		break;
	}
}

void cpuid_set_topology(struct cpuid *cpuid, unsigned int idx, unsigned int cnt)
{
	for (unsigned int i = 0; i < cpuid->nent; i++)
		set_entry(&cpuid->entry[i], idx, cnt);
}
