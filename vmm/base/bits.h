/*
 * Small arithmetic that every layer needs: sizes, alignment, checked sums.
 */
#ifndef VMM_BASE_BITS_H
#define VMM_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define BIT(n) (1ULL << (n))

#define NS_PER_S 1000000000LL

/* The object that holds @member at address @ptr. */
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Numbers that a guest or a file supplied are added and multiplied only here:
 * false means that the true result does not fit *(r).
 */
#define add_ok(a, b, r) (!__builtin_add_overflow((a), (b), (r)))
#define mul_ok(a, b, r) (!__builtin_mul_overflow((a), (b), (r)))

/** is_pow2() - Is exactly one bit of @n set? */
static inline bool is_pow2(uint64_t n)
{
	return n && !(n & (n - 1));
}

/** align_down() - Largest multiple of @align (a power of two) up to @n */
static inline uint64_t align_down(uint64_t n, uint64_t align)
{
	return n & ~(align - 1);
}

/** align_up() - Smallest multiple of @align (a power of two) >= @n */
static inline uint64_t align_up(uint64_t n, uint64_t align)
{
	return align_down(n + align - 1, align);
}

#endif /* VMM_BASE_BITS_H */
