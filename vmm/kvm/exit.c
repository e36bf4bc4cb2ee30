/*
 * What the exits of a processor mean (Documentation/virt/kvm/api.rst, "The
 * kvm_run structure").
 */
#include "vmm/kvm/exit.h"

#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/base/bits.h"
#include "vmm/base/bus.h"
#include "vmm/kvm/vcpu.h"

static bool fault(struct vcpu *vcpu, enum vcpu_fault kind, const char *text)
{
	vcpu->owner->fault(vcpu->owner->opaque, kind, text);
	return false;
}

/* IN, OUT and their string forms: @count accesses of @size bytes. */
static bool handle_io(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	char *data = (char *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT)
			bus_write(vcpu->owner->bus, BUS_PIO, run->io.port, data,
				  run->io.size);
		else
			bus_read(vcpu->owner->bus, BUS_PIO, run->io.port, data,
				 run->io.size);
	}
	return true;
}

static bool handle_mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (run->mmio.is_write)
		bus_write(vcpu->owner->bus, BUS_MMIO, run->mmio.phys_addr,
			  run->mmio.data, run->mmio.len);
	else
		bus_read(vcpu->owner->bus, BUS_MMIO, run->mmio.phys_addr,
			 run->mmio.data, run->mmio.len);
	return true;
}

/* A signal came; vcpu_stop() sent it, and the thread will see why. */
static bool handle_intr(struct vcpu *vcpu)
{
	(void)vcpu;
	return true;
}

static bool handle_shutdown(struct vcpu *vcpu)
{
	return fault(vcpu, VCPU_TRIPLE_FAULT, "triple fault");
}

static bool handle_fail_entry(struct vcpu *vcpu)
{
	uint64_t reason = vcpu->run->fail_entry.hardware_entry_failure_reason;
	char text[96];

	snprintf(text, sizeof(text),
		 "the processor refused to enter the guest (reason %#llx)",
		 (unsigned long long)reason);
	return fault(vcpu, VCPU_KVM_ERROR, text);
}

static bool handle_internal_error(struct vcpu *vcpu)
{
	uint32_t suberror = vcpu->run->internal.suberror;
	char text[96];

	if (suberror == KVM_INTERNAL_ERROR_EMULATION)
		return fault(vcpu, VCPU_KVM_ERROR,
			     "KVM could not emulate an instruction");
	snprintf(text, sizeof(text), "KVM internal error, suberror %u",
		 suberror);
	return fault(vcpu, VCPU_KVM_ERROR, text);
}

static bool (*const handlers[])(struct vcpu *) = {
	[KVM_EXIT_IO] = handle_io,
	[KVM_EXIT_MMIO] = handle_mmio,
	[KVM_EXIT_SHUTDOWN] = handle_shutdown,
	[KVM_EXIT_FAIL_ENTRY] = handle_fail_entry,
	[KVM_EXIT_INTR] = handle_intr,
	[KVM_EXIT_INTERNAL_ERROR] = handle_internal_error,
};

bool exit_handle(struct vcpu *vcpu)
{
	uint32_t reason = vcpu->run->exit_reason;
	char text[64];

	if (reason < ARRAY_SIZE(handlers) && handlers[reason])
		return handlers[reason](vcpu);
	snprintf(text, sizeof(text), "unexpected KVM exit %u", reason);
	return fault(vcpu, VCPU_KVM_ERROR, text);
}
