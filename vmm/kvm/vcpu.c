/*
 * Virtual processors: set-up and threads. What an exit means is in exit.c.
 */
#include "vmm/kvm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "vmm/base/bits.h"
#include "vmm/base/fd.h"
#include "vmm/base/thread.h"
#include "vmm/kvm/cpuid.h"
#include "vmm/kvm/exit.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/regs.h"

/* Interrupts KVM_RUN and nothing else; its handler does nothing. */
#define VCPU_SIGNAL SIGRTMIN

enum {
	SIGNAL_AGAIN_NS = 10000000,
	MEND_AGAIN_NS = 1000000,
	MEND_TRIES = 100,
};

static int vcpu_create(struct vcpu *vcpu, const struct kvm *kvm,
		       unsigned int idx)
{
	void *run;
	int fd;

	fd = ioctl(kvm->vm_fd, KVM_CREATE_VCPU, idx);
	if (fd < 0)
		return -errno;
	vcpu->fd = fd;
	run = mmap(NULL, kvm->run_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (run == MAP_FAILED)
		return -errno;
	vcpu->run = run;
	vcpu->run_len = kvm->run_len;
	return 0;
}

/* CPUID first: KVM judges MSRs by it. */
static int vcpu_setup(struct vcpu *vcpu, const struct cpuid *cpuid)
{
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0)
		return -errno;
	return regs_init_vcpu(vcpu->fd);
}

int vcpus_init(struct vcpus *vcpus, const struct kvm *kvm, unsigned int cnt,
	       const struct regs_entry *entry, const struct vcpu_owner *owner)
{
	struct cpuid cpuid;
	int err;

	*vcpus = (struct vcpus){
		.cnt = cnt,
		.gate = PTHREAD_MUTEX_INITIALIZER,
	};
	for (unsigned int i = 0; i < cnt; i++)
		vcpus->vcpu[i] = (struct vcpu){
			.idx = i,
			.fd = -1,
			.owner = owner,
			.gate = &vcpus->gate,
		};
	pthread_mutex_lock(&vcpus->gate);
	err = cpuid_init(&cpuid, kvm);
	for (unsigned int i = 0; !err && i < cnt; i++) {
		err = vcpu_create(&vcpus->vcpu[i], kvm, i);
		if (err)
			break;
		cpuid_set_topology(&cpuid, i, cnt);
		err = vcpu_setup(&vcpus->vcpu[i], &cpuid);
	}
	return err ? err : regs_set_entry(vcpus->vcpu[0].fd, entry);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void report_failed_run(struct vcpu *vcpu, int err)
{
	char text[96];

	if (err == EFAULT)
		snprintf(text, sizeof(text),
			 "the guest used memory of a share's window where no "
			 "file is mapped");
	else
		snprintf(text, sizeof(text), "KVM_RUN failed with errno %d",
			 err);
	vcpu->owner->fault(vcpu->owner->opaque, VCPU_KVM_ERROR, text);
}

/* KVM_RUN failed: is another try worth it? KVM does not say where the page is
 * missing. If there was nothing to mend, it may be there by now: a file shrank
 * and grew again. Only if nothing changes for some time, there is no hope.
 */
static bool try_again(struct vcpu *vcpu, int err)
{
	const struct timespec pause = {.tv_nsec = MEND_AGAIN_NS};
	uint64_t before = vcpu->mended;

	if (err == EINTR || err == EAGAIN)
		return true;
	if (err != EFAULT)
		return false;
	vcpu->mended = vcpu->owner->mend(vcpu->owner->opaque);
	if (vcpu->mended != before) {
		vcpu->try_cnt = 0;
		return true;
	}
	nanosleep(&pause, NULL);
	return ++vcpu->try_cnt < MEND_TRIES;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	bool alive = true;
	char name[16];
	int err;

	/* On the thread itself, that needs no /proc. */
	snprintf(name, sizeof(name), "vcpu%u", vcpu->idx);
	pthread_setname_np(pthread_self(), name);
	thread_enter(vcpu->owner->entry, THREAD_VCPU);
	pthread_mutex_lock(vcpu->gate);
	pthread_mutex_unlock(vcpu->gate);
	vcpu->first_run_ns = now_ns();
	while (alive && !vcpu->stopping) {
		err = ioctl(vcpu->fd, KVM_RUN, 0) < 0 ? errno : 0;
		if (err) {
			if (try_again(vcpu, err))
				continue;
			report_failed_run(vcpu, err);
			break;
		}
		vcpu->exit_cnt++;
		alive = exit_handle(vcpu);
	}
	return NULL;
}

static void ignore_signal(int signal)
{
	(void)signal;
}

int vcpus_start(struct vcpus *vcpus)
{
	/* Without SA_RESTART, so that system calls end with EINTR. */
	const struct sigaction action = {.sa_handler = ignore_signal};
	int err = 0;

	sigaction(VCPU_SIGNAL, &action, NULL);
	for (unsigned int i = 0; !err && i < vcpus->cnt; i++) {
		struct vcpu *vcpu = &vcpus->vcpu[i];

		err = thread_start(&vcpu->thread, VCPU_SIGNAL, vcpu_thread,
				   vcpu);
		vcpu->started = !err;
	}
	return err;
}

void vcpus_go(struct vcpus *vcpus)
{
	pthread_mutex_unlock(&vcpus->gate);
}

/* Wait for a thread that was told to stop. It may have entered a system call of
 * a handler just after the signal: so tell it again.
 */
static void vcpu_join(struct vcpu *vcpu)
{
	struct timespec until;

	do {
		pthread_kill(vcpu->thread, VCPU_SIGNAL);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += SIGNAL_AGAIN_NS;
		until.tv_sec += until.tv_nsec / NS_PER_S;
		until.tv_nsec %= NS_PER_S;
	} while (pthread_clockjoin_np(vcpu->thread, NULL, CLOCK_MONOTONIC,
				      &until));
}

void vcpus_stop(struct vcpus *vcpus)
{
	for (unsigned int i = 0; i < vcpus->cnt; i++) {
		struct vcpu *vcpu = &vcpus->vcpu[i];

		if (!vcpu->started)
			continue;
		vcpu->stopping = true;
		vcpu->run->immediate_exit = 1;
		pthread_kill(vcpu->thread, VCPU_SIGNAL);
	}
	for (unsigned int i = 0; i < vcpus->cnt; i++) {
		if (vcpus->vcpu[i].started)
			vcpu_join(&vcpus->vcpu[i]);
		vcpus->vcpu[i].started = false;
	}
}

void vcpus_destroy(struct vcpus *vcpus)
{
	vcpus_stop(vcpus);
	for (unsigned int i = 0; i < vcpus->cnt; i++) {
		struct vcpu *vcpu = &vcpus->vcpu[i];

		if (vcpu->run)
			munmap(vcpu->run, vcpu->run_len);
		vcpu->run = NULL;
		fd_close(&vcpu->fd);
	}
}
