/*
 * A virtual machine: owns every part, builds them in a visible order.
 */
#include "vmm/machine.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "boot/boot.h"
#include "devices/fs/stats.h"
#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/fd.h"
#include "vmm/base/thread.h"
#include "vmm/kvm/regs.h"
#include "vmm/sandbox/keeper.h"
#include "vmm/timing.h"
#include "vmm/windows.h"

void machine_note(struct machine *m, enum outcome_kind kind, int value,
		  const char *text)
{
	pthread_mutex_lock(&m->outcome_lock);
	outcome_set(&m->outcome, kind, value, text);
	pthread_mutex_unlock(&m->outcome_lock);
}

void machine_end(struct machine *m, enum outcome_kind kind, int value,
		 const char *text)
{
	machine_note(m, kind, value, text);
	loop_stop(&m->loop);
}

/* The guest's console; on a vCPU thread. */
static void console_write(void *opaque, const char *data, size_t len)
{
	struct machine *m = opaque;
	uint64_t left = atomic_load(&m->console_left);

	klog_write(&m->klog, data, len);
	if (m->console_fd < 0)
		return;
	while (!atomic_compare_exchange_weak(&m->console_left, &left,
					     left - MIN(len, left)))
		;
	len = MIN(len, left);
	serial_write_fd(&m->console_fd, data, len);
}

/* The guest switches itself off; on a vCPU thread. A kernel that panicked
 * resets the machine, and has said so on its console.
 */
static void power_changed(void *opaque, enum power_event event)
{
	struct machine *m = opaque;
	char why[OUTCOME_TEXT_LEN];

	switch (event) {
	case POWER_OFF:
		machine_end(m, OUTCOME_POWER_OFF, 0, NULL);
		break;
	case POWER_RESET:
		if (klog_find_panic(&m->klog, why, sizeof(why)))
			machine_end(m, OUTCOME_PANIC, 0, why);
		else
			machine_end(m, OUTCOME_RESET, 0, NULL);
		break;
	case POWER_NUM_EVENTS:
		break;
	}
}

/* A processor cannot go on; on its thread. */
static void vcpu_failed(void *opaque, enum vcpu_fault fault, const char *text)
{
	struct machine *m = opaque;

	switch (fault) {
	case VCPU_TRIPLE_FAULT:
		machine_end(m, OUTCOME_TRIPLE_FAULT, 0, NULL);
		break;
	case VCPU_KVM_ERROR:
		machine_end(m, OUTCOME_KVM_ERROR, 0,
			    m->kvm.stock ? text : KVM_NO_STOCK_KERNELS);
		break;
	case VCPU_NUM_FAULTS:
		break;
	}
}

static void signal_ready(struct loop_source *source, uint32_t events)
{
	struct machine *m = CONTAINER_OF(source, struct machine, signals);
	struct signalfd_siginfo info;

	int sig;

	(void)events;
	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return;
	sig = info.ssi_int & KEEPER_NUMBER;
	if (sig < 1 || sig >= SIGRTMIN) /* not the keeper's */
		return;
	if (m->on_signal.came)
		m->on_signal.came(m->on_signal.opaque, sig,
				  info.ssi_int & KEEPER_TERMINAL);
	else if ((int)info.ssi_signo == KEEPER_SIGNAL)
		machine_end(m, OUTCOME_SIGNAL, sig, NULL);
}

/* From here on signals wait for the loop; a reader that went away is an error
 * of the write, not a signal.
 */
static int init_signals(struct machine *m)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, KEEPER_SIGNAL);
	sigaddset(&set, KEEPER_NEWS);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a guest's file is too large: EFBIG */
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	m->signals = (struct loop_source){.fd = fd, .ready = signal_ready};
	return loop_add(&m->loop, &m->signals, EPOLLIN);
}

/* The file server holds descriptors for what the guest has open: take as many
 * as this process may have. The hard limit is the user's word, also root's.
 */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int machine_add_device(struct machine *m, struct virtio_dev *dev,
		       struct virtio_mmio *mmio)
{
	int err = virtio_mmio_init(mmio, dev, &m->bus, m->slot_cnt);

	if (!err)
		m->slot_cnt++;
	return err;
}

/* Entropy, console, balloon, root, and the other shares. */
static_assert(4 + CONFIG_MAX_SHARES <= LAYOUT_MMIO_SLOTS, "a slot for each");

/* The devices that every machine has. */
static int init_devices(struct machine *m)
{
	const struct serial_output out = {console_write, m};
	int err;

	m->stage = MACHINE_SERIAL;
	err = serial_init(&m->serial, &m->bus, &out);
	m->power = (struct power){power_changed, m};
	if (!err)
		err = power_init(&m->power, &m->bus);
	if (err)
		return err;
	m->stage = MACHINE_RNG;
	err = virtio_rng_init(&m->rng, &m->mem, &m->loop);
	if (!err)
		err = machine_add_device(m, &m->rng.dev, &m->rng_mmio);
	if (err)
		return err;
	m->stage = MACHINE_BALLOON;
	return virtio_balloon_init(&m->balloon, &m->mem, &m->loop);
}

/* What must be empty before the first step can fail. */
static void make_bare(struct machine *m, int console_fd)
{
	*m = (struct machine){
		.stage = MACHINE_BARE,
		.kvm = {.fd = -1, .vm_fd = -1},
		.loop = {.epoll_fd = -1, .stop_fd = -1},
		.signals = {.fd = -1},
		.console_fd = console_fd,
		.vcpu_owner = {&m->bus, vcpu_failed, windows_mend, m, NULL},
		.outcome_lock = PTHREAD_MUTEX_INITIALIZER,
	};
	klog_init(&m->klog);
}

/* RAM and windows, and their memory slots. */
static int init_memory(struct machine *m, const struct config *config,
		       struct fail *fail)
{
	int err = guestmem_init(&m->mem, config->memory);

	if (!err) {
		err = windows_add(m, config, fail);
		if (err)
			return err;
		err = kvm_add_memory(&m->kvm, &m->mem);
	}
	if (err)
		return fail_set(fail, err, "memory: reserving %lluM: %s",
				(unsigned long long)(config->memory / MIB(1)),
				strerror(-err));
	return 0;
}

int machine_init(struct machine *m, const struct config *config, int console_fd,
		 struct fail *fail)
{
	int err;

	make_bare(m, console_fd);
	atomic_store(&m->console_left,
		     config->output_max ? config->output_max : UINT64_MAX);
	m->fs_queue_cnt = MIN(config->cpus, VIRTIO_FS_MAX_REQUESTS);
	raise_file_limit();
	err = kvm_init(&m->kvm, fail);
	if (!err)
		err = init_memory(m, config, fail);
	if (err)
		return err;
	err = kvm_add_irqchip(&m->kvm);
	if (!err)
		err = loop_init(&m->loop);
	if (!err)
		err = init_signals(m);
	if (!err)
		err = init_devices(m);
	if (err)
		return fail_set(fail, err, "machine: %s", strerror(-err));
	return 0;
}

/* Linux has no inode that takes less of its memory. */
enum { GUEST_INODE_LEN = 1024 };

/* As many files as the guest has memory for. */
static uint32_t count_inodes(const struct guestmem *mem)
{
	uint64_t len = 0;

	for (unsigned int i = 0; i < mem->region_cnt; i++)
		len += mem->region[i].len;
	return MIN(len / GUEST_INODE_LEN, FS_MAX_INODES);
}

int machine_add_share(struct machine *m, const char *tag,
		      const struct fs_config *config, struct fail *fail)
{
	struct machine_share *share = &m->share[m->share_cnt];
	struct fs_config sized = *config;
	int err;

	assert(m->share_cnt < ARRAY_SIZE(m->share));
	assert((share->window ? share->window->len : 0) == config->dax_len);
	sized.max_inodes = count_inodes(&m->mem);
	if (share->window) {
		sized.window = share->window->hva;
		sized.dax_max = windows_max_ranges(m);
	}
	err = fs_init(&share->fs, &sized);
	if (err) {
		fs_destroy(&share->fs);
		return fail_set(fail, err, "share %s: %s", tag, strerror(-err));
	}
	m->share_cnt++;
	share->tag = tag;
	err = virtio_fs_init(&share->dev, &m->mem, &share->fs, tag,
			     m->fs_queue_cnt);
	if (!err)
		err = windows_connect(m, share);
	if (!err)
		err = machine_add_device(m, &share->dev.dev, &share->mmio);
	if (err)
		return fail_set(fail, err, "share %s: %s", tag, strerror(-err));
	return 0;
}

int machine_load(struct machine *m, struct boot_config *boot, struct fail *fail)
{
	struct boot_entry entry;
	struct regs_entry regs;
	int err;

	/* Behind the others, which keep the numbers that the guest gives them:
	 * nobody waits for this one.
	 */
	err = machine_add_device(m, &m->balloon.dev, &m->balloon_mmio);
	if (err)
		return fail_set(fail, err, "machine: %s", strerror(-err));
	boot->mmio_cnt = m->slot_cnt;
	err = boot_load(boot, &m->mem, &entry, fail);
	if (err)
		return err;
	regs = (struct regs_entry){
		.rip = entry.rip,
		.rsi = entry.rsi,
		.rsp = entry.rsp,
		.cr3 = entry.cr3,
		.protected32 = entry.protected32,
	};
	err = kvm_add_notifiers(&m->kvm, &m->bus);
	if (!err)
		err = vcpus_init(&m->vcpus, &m->kvm, boot->cpu_cnt, &regs,
				 &m->vcpu_owner);
	if (err)
		return fail_set(fail, err, "machine: %u processors: %s",
				boot->cpu_cnt, strerror(-err));
	/* The machine is complete: nobody makes another one. */
	fd_close(&m->kvm.fd);
	return 0;
}

int machine_run(struct machine *m, const struct thread_entry *entry,
		struct timing *timing, struct fail *fail)
{
	sigset_t set;
	int err = 0;

	for (unsigned int i = 0; !err && i < m->share_cnt; i++)
		err = virtio_fs_start(&m->share[i].dev, entry);
	m->vcpu_owner.entry = entry;
	if (!err)
		err = vcpus_start(&m->vcpus);
	/* Also after a failure: what follows needs no more. */
	thread_enter(entry, THREAD_LOOP);
	vcpus_go(&m->vcpus);
	if (!err)
		err = loop_run(&m->loop);
	vcpus_stop(&m->vcpus);
	for (unsigned int i = 0; i < m->share_cnt; i++)
		virtio_fs_stop(&m->share[i].dev);
	/* Without a loop, nobody would hear them. */
	sigemptyset(&set);
	sigaddset(&set, KEEPER_SIGNAL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	timing->at_ns[TIMING_FIRST_RUN] = m->vcpus.vcpu[0].first_run_ns;
	for (unsigned int i = 0; i < m->vcpus.cnt; i++)
		timing->exit_cnt += m->vcpus.vcpu[i].exit_cnt;
	return err ? fail_set(fail, err, "machine: %s", strerror(-err)) : 0;
}

void machine_print_stats(struct machine *m, FILE *to)
{
	fputs("{\"shares\":[", to);
	for (unsigned int i = 0; i < m->share_cnt; i++) {
		fputs(i ? "," : "", to);
		stats_print(&m->share[i].fs, m->share[i].tag, to);
	}
	fputs("]}\n", to);
}

void machine_destroy(struct machine *m)
{
	if (m->stage == MACHINE_EMPTY)
		return;
	vcpus_destroy(&m->vcpus);
	for (unsigned int i = 0; i < m->share_cnt; i++) {
		virtio_fs_destroy(&m->share[i].dev);
		fs_destroy(&m->share[i].fs);
	}
	if (m->stage >= MACHINE_BALLOON)
		virtio_balloon_destroy(&m->balloon);
	if (m->stage >= MACHINE_RNG)
		virtio_rng_destroy(&m->rng);
	if (m->stage >= MACHINE_SERIAL)
		serial_destroy(&m->serial);
	fd_close(&m->signals.fd);
	loop_destroy(&m->loop);
	kvm_destroy(&m->kvm);
	guestmem_destroy(&m->mem);
	m->stage = MACHINE_EMPTY;
}
