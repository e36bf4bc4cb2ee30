/*
 * What the guest's kernel said on its serial console.
 */
#include "vmm/klog.h"

#include <ctype.h>
#include <string.h>

#include "vmm/base/bits.h"

static const char PANIC[] = "Kernel panic - not syncing: ";

void klog_init(struct klog *log)
{
	*log = (struct klog){.lock = PTHREAD_MUTEX_INITIALIZER};
}

void klog_write(struct klog *log, const char *bytes, size_t len)
{
	pthread_mutex_lock(&log->lock);
	for (size_t i = 0; i < len; i++)
		log->text[log->written++ % KLOG_LEN] = bytes[i];
	pthread_mutex_unlock(&log->lock);
}

/* The ring from its oldest byte on, as a string without NULs inside. */
static void unroll(const struct klog *log, char flat[static KLOG_LEN + 1])
{
	size_t len = MIN(log->written, (size_t)KLOG_LEN);
	size_t start = log->written - len;

	for (size_t i = 0; i < len; i++) {
		flat[i] = log->text[(start + i) % KLOG_LEN];
		if (!flat[i])
			flat[i] = '?';
	}
	flat[len] = '\0';
}

bool klog_find_panic(struct klog *log, char *why, size_t len)
{
	char flat[KLOG_LEN + 1];
	const char *found;
	size_t n;

	pthread_mutex_lock(&log->lock);
	unroll(log, flat);
	pthread_mutex_unlock(&log->lock);
	found = strstr(flat, PANIC);
	if (!found)
		return false;
	found += strlen(PANIC);
	n = MIN(strcspn(found, "\r\n"), len - 1);
	for (size_t i = 0; i < n; i++)
		why[i] = isprint((unsigned char)found[i]) ? found[i] : '?';
	why[n] = '\0';
	return true;
}
