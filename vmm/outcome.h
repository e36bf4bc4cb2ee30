/*
 * How a machine ended, and what that means for whoever started it.
 */
#ifndef VMM_OUTCOME_H
#define VMM_OUTCOME_H

#include <stdbool.h>

/* Exit status of the monitor for failures of its own, as env(1) and docker have
 * it; the command's own statuses are passed on.
 */
enum { OUTCOME_FAILURE = 125 };

/* ... and of one whose command had no more time, as timeout(1) has it. */
enum { OUTCOME_STATUS_EXPIRED = 124 };

enum { OUTCOME_TEXT_LEN = 256 };

/**
 * enum outcome_kind - What ended the machine; a later row outranks an earlier
 *		       one if both happened
 */
enum outcome_kind {
	OUTCOME_NONE,	      /* still running */
	OUTCOME_POWER_OFF,    /* the guest switched itself off */
	OUTCOME_RESET,	      /* the guest asked for a reset */
	OUTCOME_TRIPLE_FAULT, /* the guest crashed without a word */
	OUTCOME_PANIC,	      /* the guest's kernel panicked */
	OUTCOME_KVM_ERROR,    /* KVM could not go on */
	OUTCOME_TIMEOUT,      /* the guest did not come up */
	OUTCOME_SIGNAL,	      /* the monitor was told to end */
	OUTCOME_GUEST_FAILED, /* the guest's init could not run the command */
	OUTCOME_EXPIRED,      /* the command had no more time */
	OUTCOME_COMMAND,      /* the command ended */
	OUTCOME_OUTPUT,	      /* it wrote more than it may */
	OUTCOME_NUM_KINDS,
};

/**
 * struct outcome - How a machine ended
 * @kind:	What happened
 * @value:	Exit status for COMMAND and GUEST_FAILED, signal for SIGNAL
 * @text:	One line about the cause; empty if the kind says it all
 */
struct outcome {
	enum outcome_kind kind;
	int value;
	char text[OUTCOME_TEXT_LEN];
};

/**
 * outcome_set() - Note that something ended the machine, unless something that
 *		   outranks it is noted already
 * @outcome:	[caller's lock]
 * @kind:	What happened
 * @value:	As above; 0 if the kind has none
 * @text:	Copied, with what cannot be printed as '?'; may be NULL
 */
void outcome_set(struct outcome *outcome, enum outcome_kind kind, int value,
		 const char *text);

/**
 * outcome_status() - Exit status of a monitor whose guest was to run a command
 *
 * Never 0 unless the command ended with 0.
 */
int outcome_status(const struct outcome *outcome);

/**
 * outcome_boot_status() - Exit status of a monitor that only booted a kernel
 *
 * 0 if the guest powered off.
 */
int outcome_boot_status(const struct outcome *outcome);

/**
 * outcome_report() - Print one line for the user, if there is something to say
 *
 * #syscalls(loop): write
 */
void outcome_report(const struct outcome *outcome);

#endif /* VMM_OUTCOME_H */
