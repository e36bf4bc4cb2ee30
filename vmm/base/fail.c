/*
 * The one line that a failed set-up shows its user.
 */
#include "vmm/base/fail.h"

#include <stdarg.h>
#include <stdio.h>

int fail_set(struct fail *fail, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(fail->text, sizeof(fail->text), fmt, args);
	va_end(args);
	return err;
}
