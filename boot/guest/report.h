/*
 * What init tells the monitor, and the one line that says why it gave up.
 */
#ifndef BOOT_GUEST_REPORT_H
#define BOOT_GUEST_REPORT_H

#include <stdint.h>

#include "boot/guest/abi.h"

/**
 * report_fail() - Write the reason of a failure into a FAILED message
 * @why:	Overwritten; its status is GUEST_STATUS_FAILED
 * @err:	Negative errno, returned as it is
 * @fmt:	printf format of the text, without a newline
 *
 * Return: @err, so that a caller writes `return report_fail(why, -errno, ...)`
 */
int report_fail(struct guest_msg *why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * report_send() - Send a message with the current time
 * @control_fd:	The control port
 * @msg:	Type, value and text are set; the rest is filled in
 *
 * Return: 0 or a negative errno
 */
int report_send(int control_fd, struct guest_msg *msg);

/** report_event() - Send a message that has nothing but a type and a value */
void report_event(int control_fd, enum guest_msg_type type, uint32_t value);

/** report_warning() - Send a WARNING with a line of text */
void report_warning(int control_fd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** report_kernel_log() - Leave a text in the kernel's log, lacking a port */
void report_kernel_log(const char *text);

#endif /* BOOT_GUEST_REPORT_H */
