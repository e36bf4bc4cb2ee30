/*
 * The guest's pid 1: from the kernel's first process to the command's last.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/guest/kmods.h"
#include "boot/guest/plan.h"
#include "boot/guest/ports.h"
#include "boot/guest/report.h"
#include "boot/guest/rootfs.h"
#include "boot/guest/sessions.h"
#include "boot/guest/supervise.h"
#include "boot/guest/volumes.h"

/*
 * The monitor answers in less than a millisecond; an emulated one may not. The
 * second time is for a failure before the first.
 */
enum { PORTS_TIMEOUT_MS = 10000, LAST_TIMEOUT_MS = 1000 };

/*
 * The monitor ends the machine when it has read the last word. Switching off
 * before would reset the ports, and with them what nobody has read yet.
 */
enum { FAREWELL_S = 10 };

/**
 * struct init - Everything that pid 1 holds
 * @plan:	What to do
 * @volumes:	Of it, what is to be mounted in the root
 * @later_fd:	Of it, the module that is to be loaded later; negative: none
 * @ports:	How to reach the monitor
 * @command:	The command, once started
 * @supervise:	And its supervision
 * @signal_fd:	From supervise_signals()
 */
struct init {
	struct plan plan;
	struct volumes volumes;
	int later_fd;
	struct ports ports;
	struct command command;
	struct supervise supervise;
	int signal_fd;
};

/* Without a network in the kernel there is nothing to bring up. */
static void raise_loopback(void)
{
	struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	ioctl(fd, SIOCSIFFLAGS, &req);
	close(fd);
}

static int name_host(const struct plan *plan, struct guest_msg *why)
{
	const char *name = plan_value(plan, GUEST_SPEC_HOSTNAME);

	if (sethostname(name, strlen(name)))
		return report_fail(why, -errno, "hostname '%.64s': %s", name,
				   strerror(errno));
	return 0;
}

/* Without it, all goes as with a kernel that has no such module. */
static int open_later(const struct plan *plan)
{
	const char *name = plan_value(plan, GUEST_SPEC_LATER);

	return name ? kmods_open(name) : -1;
}

/* Up to the first word to the monitor. */
static int prepare(struct init *init, struct guest_msg *why)
{
	int err;

	ports_init(&init->ports);
	umask(022);
	err = rootfs_early(why);
	if (!err)
		err = plan_load(&init->plan, "/" GUEST_SPEC_FILE, why);
	if (!err)
		err = kmods_load(init->plan.list[GUEST_SPEC_MODULE], why);
	init->later_fd = err ? -1 : open_later(&init->plan);
	if (!err && plan_value(&init->plan, GUEST_SPEC_SESSIONS))
		init->ports.cnt = GUEST_NUM_PORTS;
	if (!err)
		err = ports_open(&init->ports, PORTS_TIMEOUT_MS, why);
	if (!err)
		report_event(init->ports.fd[GUEST_PORT_CONTROL],
			     GUEST_MSG_HELLO, 0);
	return err;
}

/* From the initramfs to a running command. */
static int start(struct init *init, struct guest_msg *why)
{
	const char *tmp_size = plan_value(&init->plan, GUEST_SPEC_TMP_SIZE);
	int control_fd = init->ports.fd[GUEST_PORT_CONTROL];
	int err;

	err = volumes_prepare(&init->volumes, &init->plan, why);
	if (!err)
		err = rootfs_enter(
			plan_value(&init->plan, GUEST_SPEC_ROOT),
			plan_value(&init->plan, GUEST_SPEC_READ_ONLY),
			plan_value(&init->plan, GUEST_SPEC_OPTIONS),
			plan_value(&init->plan, GUEST_SPEC_OVERLAY), why);
	if (!err)
		err = rootfs_populate(control_fd, why);
	if (!err && tmp_size)
		err = rootfs_mount_tmp(tmp_size, why);
	if (!err)
		err = volumes_mount(&init->volumes, why);
	if (!err)
		err = name_host(&init->plan, why);
	if (err)
		return err;
	raise_loopback();
	init->signal_fd = supervise_signals();
	if (init->signal_fd < 0)
		return report_fail(why, init->signal_fd, "signalfd: %s",
				   strerror(-init->signal_fd));
	err = command_start(&init->command, &init->plan, why);
	if (!err)
		report_event(control_fd, GUEST_MSG_STARTED, 0);
	return err;
}

/* The last word: to the monitor or, if it cannot be reached, to the log. */
static void finish(struct init *init, struct guest_msg *last)
{
	int control_fd = init->ports.fd[GUEST_PORT_CONTROL];
	struct guest_msg ignored;

	sync();
	if (control_fd < 0)
		ports_open(&init->ports, LAST_TIMEOUT_MS, &ignored);
	control_fd = init->ports.fd[GUEST_PORT_CONTROL];
	if (control_fd < 0 || report_send(control_fd, last))
		report_kernel_log(last->text);
	else
		sleep(FAREWELL_S);
	reboot(RB_POWER_OFF);
	/* Without ACPI it returns; if pid 1 did too, the kernel would panic. */
	for (;;)
		pause();
}

/* Without memory for them, requests wait for ever. */
static int supervise(struct init *init)
{
	int port_fd = init->ports.fd[GUEST_PORT_SESSIONS];
	struct sessions *sessions = NULL;
	int status;

	supervise_init(&init->supervise, &init->command, &init->ports,
		       init->signal_fd, -1);
	if (port_fd >= 0)
		sessions = sessions_new(port_fd, &init->plan);
	init->supervise.sessions = sessions;
	init->supervise.later_fd = init->later_fd;
	status = supervise_run(&init->supervise);
	free(sessions);
	return status;
}

int main(void)
{
	struct guest_msg last = {0};
	struct init init = {0};

	if (!prepare(&init, &last) && !start(&init, &last)) {
		last = (struct guest_msg){
			.type = GUEST_MSG_ENDED,
			.value = (uint32_t)supervise(&init),
		};
	}
	finish(&init, &last);
}
