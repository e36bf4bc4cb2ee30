/*
 * What the guest's kernel said on its serial console: its last lines are kept,
 * for they hold the reason when it dies.
 */
#ifndef VMM_KLOG_H
#define VMM_KLOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { KLOG_LEN = 8192 };

/**
 * struct klog - The last bytes of a console
 * @lock:	Guards the rest
 * @text:	Ring
 * @written:	Bytes ever written
 */
struct klog {
	pthread_mutex_t lock;
	char text[KLOG_LEN];
	size_t written;
};

/** klog_init() - Start empty */
void klog_init(struct klog *log);

/** klog_write() - Remember bytes of the console; any thread */
void klog_write(struct klog *log, const char *bytes, size_t len);

/**
 * klog_find_panic() - Look for the kernel's last words
 * @log:	Log
 * @why:	Filled with the text after "Kernel panic - not syncing: ", up to
 *		the end of its line; what cannot be printed becomes '?'
 * @len:	Room at @why, for a terminating NUL too
 *
 * The guest writes this text, so it can lie: about its own death only.
 *
 * Return: true if the kernel panicked
 */
bool klog_find_panic(struct klog *log, char *why, size_t len);

#endif /* VMM_KLOG_H */
