/*
 * A command seen from the host, without a guest.
 */
#include "tests/unit/command_rig.h"

#include <check.h>
#include <pthread.h>

#include "vmm/base/bits.h"
#include "vmm/base/fail.h"
#include "vmm/base/iov.h"
#include "vmm/config.h"
#include "vmm/timing.h"

struct machine rig_machine;
struct command rig_command;
static struct timing timing;

void rig_set_up_with(const struct config *config)
{
	struct fail fail = {0};

	rig_machine = (struct machine){
		.kvm = {.stock = true},
		.outcome_lock = PTHREAD_MUTEX_INITIALIZER,
	};
	ck_assert_int_eq(guestmem_init(&rig_machine.mem, MIB(2)), 0);
	ck_assert_int_eq(loop_init(&rig_machine.loop), 0);
	timing_init(&timing);
	ck_assert_int_eq(command_init(&rig_command, &rig_machine, &timing,
				      config, &fail),
			 0);
}

void rig_set_up(unsigned int stop_s)
{
	const struct config config = {
		.stop_timeout = stop_s,
		.interactive = true,
	};

	rig_set_up_with(&config);
}

void rig_tear_down(void)
{
	command_destroy(&rig_command);
	loop_destroy(&rig_machine.loop);
	guestmem_destroy(&rig_machine.mem);
}

void rig_guest_says(enum guest_msg_type type)
{
	const struct control_message message = {.type = type};

	rig_command.control.handle(&rig_command, &message);
}

void rig_signal_comes(int sig, bool to_group)
{
	rig_machine.on_signal.came(rig_machine.on_signal.opaque, sig, to_group);
}

struct guest_order rig_next_order(void)
{
	struct guest_order order = {0};
	struct iovec iov = {&order, sizeof(order)};
	struct iov_cursor room;

	iov_init(&room, &iov, 1);
	if (control_give(&rig_command.control, &room) < 0)
		return (struct guest_order){0};
	return order;
}

void rig_let_it_run(void)
{
	rig_guest_says(GUEST_MSG_HELLO);
	rig_guest_says(GUEST_MSG_STARTED);
	ck_assert_uint_eq(rig_machine.outcome.kind, OUTCOME_NONE);
}
