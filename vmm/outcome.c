/*
 * How a machine ended, and what that means for whoever started it.
 */
#include "vmm/outcome.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/bits.h"
#include "vmm/base/log.h"

/* What is printed; "%s" stands for the text of the outcome. */
static const char *const lines[] = {
	[OUTCOME_NONE] = "guest: still running",
	[OUTCOME_POWER_OFF] = "guest: powered off before the command ended",
	[OUTCOME_RESET] = "guest: asked for a reboot, which ends the machine",
	[OUTCOME_TRIPLE_FAULT] = "guest: crashed with a triple fault",
	[OUTCOME_PANIC] = "guest: kernel panic: %s; --console shows more",
	[OUTCOME_KVM_ERROR] = "/dev/kvm: %s",
	[OUTCOME_TIMEOUT] = "guest: %s; --console shows more",
	[OUTCOME_SIGNAL] = "",
	[OUTCOME_GUEST_FAILED] = "%s",
	[OUTCOME_EXPIRED] = "command: did not end within --timeout %s",
	[OUTCOME_COMMAND] = "",
	[OUTCOME_OUTPUT] =
		"command: wrote more than --output-limit %s; give a larger one",
};
_Static_assert(ARRAY_SIZE(lines) == OUTCOME_NUM_KINDS, "a line for each");

void outcome_set(struct outcome *outcome, enum outcome_kind kind, int value,
		 const char *text)
{
	char *at = outcome->text;

	if (kind <= outcome->kind)
		return;
	outcome->kind = kind;
	outcome->value = value;
	snprintf(at, sizeof(outcome->text), "%s", text ? text : "");
	for (; *at; at++) {
		if (!isprint((unsigned char)*at))
			*at = '?';
	}
}

int outcome_status(const struct outcome *outcome)
{
	switch (outcome->kind) {
	case OUTCOME_COMMAND:
		return outcome->value & 0xff;
	case OUTCOME_GUEST_FAILED:
		return outcome->value == 126 || outcome->value == 127
			       ? outcome->value
			       : OUTCOME_FAILURE;
	case OUTCOME_SIGNAL:
		return 128 + outcome->value;
	case OUTCOME_EXPIRED:
		return OUTCOME_STATUS_EXPIRED;
	case OUTCOME_NONE:
	case OUTCOME_POWER_OFF:
	case OUTCOME_RESET:
	case OUTCOME_TRIPLE_FAULT:
	case OUTCOME_PANIC:
	case OUTCOME_KVM_ERROR:
	case OUTCOME_TIMEOUT:
	case OUTCOME_OUTPUT:
	case OUTCOME_NUM_KINDS:
		break;
	}
	return OUTCOME_FAILURE;
}

int outcome_boot_status(const struct outcome *outcome)
{
	if (outcome->kind == OUTCOME_POWER_OFF)
		return 0;
	return outcome_status(outcome);
}

void outcome_report(const struct outcome *outcome)
{
	const char *format = lines[outcome->kind];
	const char *mark = strstr(format, "%s");
	int head = mark ? (int)(mark - format) : (int)strlen(format);

	if (format[0])
		log_line("%.*s%s%s", head, format, mark ? outcome->text : "",
			 mark ? mark + 2 : "");
}
