/*
 * The filters of system calls. The build makes them from the #syscalls tags of
 * the sources: gen/tags.awk and gen/filters.c.
 */
#ifndef VMM_SANDBOX_FILTERS_H
#define VMM_SANDBOX_FILTERS_H

#include <linux/filter.h>

enum { FILTERS_NAME_LEN = 32 };

/** enum filter_kind - Whose calls are allowed */
enum filter_kind {
	FILTER_LOOP,
	FILTER_VCPU,
	FILTER_FS,
	FILTER_FS_HANDLES, /* FILTER_FS, and files are opened by handles */
	FILTER_FS_AUX,
	FILTER_NUM_KINDS,
};

/**
 * struct filter - A program for the kernel (seccomp(2))
 * @insn:	Instructions
 * @cnt:	How many
 */
struct filter {
	const struct sock_filter *insn;
	unsigned short cnt;
};

/** filters - By kind */
extern const struct filter filters[FILTER_NUM_KINDS];

/** filters_names - Names of system calls by number, "" where there is none */
extern const char filters_names[][FILTERS_NAME_LEN];

/** filters_names_cnt - How many */
extern const unsigned int filters_names_cnt;

#endif /* VMM_SANDBOX_FILTERS_H */
