/*
 * Memory above 4 GiB for bare guests: PAE paging (SDM volume 3, 4.4).
 */
#ifndef TESTS_GUEST_LIB_PAGING_H
#define TESTS_GUEST_LIB_PAGING_H

#include "tests/guest/lib/guest.h"

enum { PAGING_LARGE = 2 << 20 };

/* Where the PAGING_LARGE bytes at @gpa, a multiple of that, can be seen from
 * now on. Paging begins with the first call; all else stays where it is.
 */
volatile uint8_t *paging_show(uint64_t gpa);

#endif /* TESTS_GUEST_LIB_PAGING_H */
