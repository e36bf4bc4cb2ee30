/*
 * The state in which processors start.
 */
#include "vmm/kvm/regs.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "vmm/base/bits.h"
#include "vmm/base/layout.h"

/* Model-specific registers (Intel SDM volume 4, AMD APM volume 2 appendix A)
 * that a kernel expects its firmware to have set; KVM's reset value is 0.
 */
static const struct kvm_msr_entry firmware_msrs[] = {
	/* IA32_MISC_ENABLE: fast string operations */
	{.index = 0x1a0, .data = BIT(0)},
	/* MTRRdefType: enabled, everything write-back. Without it the kernel
	 * maps memory uncached.
	 */
	{.index = 0x2ff, .data = BIT(11) | 6},
};

/* Control and mode bits (Intel SDM volume 3, 2.5 and 2.2.1) */
enum {
	CR0_PE = BIT(0),
	CR0_ET = BIT(4),
	CR4_PAE = BIT(5),
	EFER_LME = BIT(8),
	EFER_LMA = BIT(10),
};
static const uint64_t CR0_PG = BIT(31);

/* Segment types (Intel SDM volume 3, 3.4.5.1) */
enum {
	SEG_DATA_RW = 3,
	SEG_CODE_RX = 11,
	SEG_TSS_BUSY = 11,
};

int regs_init_vcpu(int vcpu_fd)
{
	/* struct kvm_msrs with one entry */
	struct {
		__u32 nmsrs;
		__u32 pad;
		struct kvm_msr_entry entry;
	} msrs = {.nmsrs = 1};

	/* One at a time: not every processor has every register, and KVM stops
	 * at the first that it does not know.
	 */
	for (size_t i = 0; i < ARRAY_SIZE(firmware_msrs); i++) {
		msrs.entry = firmware_msrs[i];
		if (ioctl(vcpu_fd, KVM_SET_MSRS, &msrs) < 0)
			return -errno;
	}
	return 0;
}

static struct kvm_segment flat_segment(unsigned int selector, unsigned int type)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.db = 1,
	};
}

static void set_segments(struct kvm_sregs *sregs, bool protected32)
{
	struct kvm_segment code = flat_segment(LAYOUT_BOOT_CS, SEG_CODE_RX);
	struct kvm_segment data = flat_segment(LAYOUT_BOOT_DS, SEG_DATA_RW);

	if (!protected32) {
		code.l = 1;
		code.db = 0;
	}
	sregs->cs = code;
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->tr = (struct kvm_segment){
		.limit = 0x67,
		.selector = LAYOUT_BOOT_TSS,
		.type = SEG_TSS_BUSY,
		.present = 1,
	};
	sregs->gdt.base = LAYOUT_GDT;
	sregs->gdt.limit = LAYOUT_GDT_LIMIT;
	sregs->idt.base = LAYOUT_IDT;
	sregs->idt.limit = 0;
}

int regs_set_entry(int vcpu_fd, const struct regs_entry *entry)
{
	struct kvm_regs regs = {
		.rip = entry->rip,
		.rsi = entry->rsi,
		.rsp = entry->rsp,
		.rflags = BIT(1), /* always 1; interrupts off */
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	set_segments(&sregs, entry->protected32);
	sregs.cr0 = CR0_PE | CR0_ET;
	if (!entry->protected32) {
		sregs.cr0 |= CR0_PG;
		sregs.cr3 = entry->cr3;
		sregs.cr4 = CR4_PAE;
		sregs.efer = EFER_LME | EFER_LMA;
	}
	if (ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) < 0 ||
	    ioctl(vcpu_fd, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}
