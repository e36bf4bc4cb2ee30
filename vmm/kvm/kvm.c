/*
 * The host's KVM and one virtual machine in it.
 */
#include "vmm/kvm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/base/bits.h"
#include "vmm/base/bus.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/guestmem.h"

static const char KVM_PATH[] = "/dev/kvm";

/* What the monitor cannot do without. */
static const struct {
	int cap;
	const char *what;
} needed[] = {
	{KVM_CAP_IRQCHIP, "interrupt controllers in the kernel"},
	{KVM_CAP_USER_MEMORY, "memory slots"},
	{KVM_CAP_READONLY_MEM, "memory that guests cannot write to"},
	{KVM_CAP_SET_TSS_ADDR, "a place for its TSS"},
	{KVM_CAP_EXT_CPUID, "CPUID tables"},
	{KVM_CAP_IOEVENTFD, "ioeventfds"},
	{KVM_CAP_IRQFD, "irqfds"},
	{KVM_CAP_IMMEDIATE_EXIT, "immediate exits"},
};

/* Open /dev/kvm; what can be wrong with it is the user's first obstacle. */
static int open_device(struct kvm *kvm, struct fail *fail)
{
	int fd = open(KVM_PATH, O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		kvm->fd = fd;
		return 0;
	}
	switch (errno) {
	case ENOENT:
		return fail_set(fail, -ENOENT,
				"%s: no such device; load kvm_intel or "
				"kvm_amd, or enable virtualization in the "
				"firmware or the outer machine",
				KVM_PATH);
	case EACCES:
	case EPERM:
		return fail_set(fail, -EACCES,
				"%s: permission denied; add yourself to its "
				"group: sudo usermod -aG kvm $USER",
				KVM_PATH);
	default:
		return fail_set(fail, -errno, "%s: %s", KVM_PATH,
				strerror(errno));
	}
}

static int check_device(struct kvm *kvm, struct fail *fail)
{
	int len;

	if (ioctl(kvm->fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		return fail_set(fail, -ENODEV, "%s: not a KVM of version %d",
				KVM_PATH, KVM_API_VERSION);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (ioctl(kvm->fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0)
			return fail_set(fail, -ENODEV,
					"%s: this host's KVM lacks %s; use a "
					"newer host kernel",
					KVM_PATH, needed[i].what);
	}
	len = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (len <= 0)
		return fail_set(fail, -ENODEV, "%s: no vCPU area", KVM_PATH);
	kvm->run_len = len;
	kvm->tsc_deadline = ioctl(kvm->fd, KVM_CHECK_EXTENSION,
				  KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	return 0;
}

/* Tell KVM where its private pages go, for real mode without hardware help. */
static int create_machine(struct kvm *kvm)
{
	__u64 identity_map = LAYOUT_IDENTITY_MAP;
	int fd = ioctl(kvm->fd, KVM_CREATE_VM, 0);

	if (fd < 0)
		return -errno;
	kvm->vm_fd = fd;
	if (ioctl(fd, KVM_SET_TSS_ADDR, LAYOUT_TSS) < 0 ||
	    ioctl(fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0)
		return -errno;
	return 0;
}

int kvm_init(struct kvm *kvm, struct fail *fail)
{
	int err;

	*kvm = (struct kvm){
		.fd = -1,
		.vm_fd = -1,
		.stock = kvm_runs_stock_kernels(),
	};
	err = open_device(kvm, fail);
	if (err)
		return err;
	err = check_device(kvm, fail);
	if (err)
		return err;
	err = create_machine(kvm);
	if (err)
		return fail_set(fail, err, "%s: creating a virtual machine: %s",
				KVM_PATH, strerror(-err));
	return 0;
}

void kvm_destroy(struct kvm *kvm)
{
	fd_close(&kvm->vm_fd);
	fd_close(&kvm->fd);
}

/* Make slots of regions, from number @first on. */
static int add_slots(const struct kvm *kvm, unsigned int first,
		     const struct guestmem_region *r, unsigned int cnt)
{
	for (unsigned int i = 0; i < cnt; i++) {
		struct kvm_userspace_memory_region slot = {
			.slot = first + i,
			.flags = r[i].read_only ? KVM_MEM_READONLY : 0,
			.guest_phys_addr = r[i].gpa,
			.memory_size = r[i].len,
			.userspace_addr = (uintptr_t)r[i].hva,
		};

		if (ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
			return -errno;
	}
	return 0;
}

int kvm_add_memory(const struct kvm *kvm, const struct guestmem *mem)
{
	unsigned int cnt = mem->region_cnt;
	int err = add_slots(kvm, 0, mem->region, cnt);

	if (!err)
		err = add_slots(kvm, cnt, mem->window, mem->window_cnt);
	cnt += mem->window_cnt;
	return err ? err : add_slots(kvm, cnt, &mem->registers, 1);
}

/* A hardware-reduced guest has no 8259s (ACPI 6.5, 4.1), so nobody would mask
 * KVM's: an edge on lines 0-15 would reach the processor as vector 0-15.
 */
static int mask_pics(const struct kvm *kvm)
{
	static const unsigned int pics[] = {KVM_IRQCHIP_PIC_MASTER,
					    KVM_IRQCHIP_PIC_SLAVE};

	for (size_t i = 0; i < ARRAY_SIZE(pics); i++) {
		struct kvm_irqchip chip = {.chip_id = pics[i]};

		chip.chip.pic.imr = 0xff;
		if (ioctl(kvm->vm_fd, KVM_SET_IRQCHIP, &chip) < 0)
			return -errno;
	}
	return 0;
}

int kvm_add_irqchip(const struct kvm *kvm)
{
	if (ioctl(kvm->vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return -errno;
	return mask_pics(kvm);
}

int kvm_add_notifiers(const struct kvm *kvm, const struct bus *bus)
{
	for (unsigned int i = 0; i < bus->kick_cnt; i++) {
		struct kvm_ioeventfd kick = {
			.addr = bus->kick[i].addr,
			.datamatch = bus->kick[i].value,
			.len = sizeof(bus->kick[i].value),
			.fd = bus->kick[i].fd,
			.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
		};

		if (ioctl(kvm->vm_fd, KVM_IOEVENTFD, &kick) < 0)
			return -errno;
	}
	for (unsigned int i = 0; i < bus->line_cnt; i++) {
		struct kvm_irqfd line = {
			.fd = bus->line[i].fd,
			.gsi = bus->line[i].gsi,
		};

		if (ioctl(kvm->vm_fd, KVM_IRQFD, &line) < 0)
			return -errno;
	}
	return 0;
}

const char *kvm_kind(void)
{
	static const char *const modules[] = {"/sys/module/kvm_intel",
					      "/sys/module/kvm_amd",
					      "/sys/module/kvm_pvm"};

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		if (access(modules[i], F_OK) == 0)
			return modules[i] + strlen("/sys/module/");
	}
	return "unknown";
}

bool kvm_runs_stock_kernels(void)
{
	return strcmp(kvm_kind(), "kvm_pvm") != 0;
}
