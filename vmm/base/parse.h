/*
 * Numbers as people write them on a command line. Strict: the whole text is
 * the number, without sign, space or anything after it.
 */
#ifndef VMM_BASE_PARSE_H
#define VMM_BASE_PARSE_H

#include <stdint.h>

/**
 * parse_uint() - Read a decimal number
 * @text:	Digits only
 * @min:	Smallest number allowed
 * @max:	Largest number allowed
 * @value:	Filled if the result is 0, else untouched
 *
 * Return: 0, -EINVAL if @text is not a number, -ERANGE if it is too small or
 *	   too large
 */
int parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/**
 * parse_size() - Read a number of bytes; K, M, G after it are powers of 1024
 * @text:	"4096", "512M", "4g"
 * @bytes:	Filled if the result is 0, else untouched
 *
 * Return: 0, -EINVAL if @text is not a size, -ERANGE if it does not fit
 */
int parse_size(const char *text, uint64_t *bytes);

/**
 * parse_thousandths() - Read a number with up to three digits behind the point
 * @text:	"2", "1.5", "0.125"
 * @thousandths: Filled if the result is 0, else untouched
 *
 * Return: 0, -EINVAL if @text is not such a number, -ERANGE if it does not fit
 */
int parse_thousandths(const char *text, uint64_t *thousandths);

/**
 * parse_duration() - Read a time; s, m, h, d after it as timeout(1) has them
 * @text:	"10", "1.5m", "12h"; nine digits behind the point
 * @ns:		Filled with nanoseconds if the result is 0, else untouched
 *
 * Return: 0, -EINVAL if @text is not a time, -ERANGE if it does not fit
 */
int parse_duration(const char *text, uint64_t *ns);

#endif /* VMM_BASE_PARSE_H */
