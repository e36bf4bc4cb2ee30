/*
 * A command seen from the host, without a guest: the test says what the guest
 * says. One for each test program.
 */
#ifndef TESTS_UNIT_COMMAND_RIG_H
#define TESTS_UNIT_COMMAND_RIG_H

#include <stdbool.h>

#include "vmm/command.h"
#include "vmm/machine.h"

struct config;

/** rig_machine - Has a loop and an outcome, and nothing to run */
extern struct machine rig_machine;

/** rig_command - Its command */
extern struct command rig_command;

/** rig_set_up_with() - Make both */
void rig_set_up_with(const struct config *config);

/** rig_set_up() - Make both, without a terminal and with so much patience */
void rig_set_up(unsigned int stop_s);

/** rig_tear_down() - Release both */
void rig_tear_down(void);

/** rig_guest_says() - A message without a value comes from init */
void rig_guest_says(enum guest_msg_type type);

/** rig_signal_comes() - The keeper passes on a signal */
void rig_signal_comes(int sig, bool to_group);

/** rig_next_order() - The next order that the guest would get; type 0: none */
struct guest_order rig_next_order(void);

/** rig_let_it_run() - The command is started */
void rig_let_it_run(void);

#endif /* TESTS_UNIT_COMMAND_RIG_H */
