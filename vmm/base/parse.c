/*
 * Numbers as people write them on a command line.
 */
#include "vmm/base/parse.h"

#include <errno.h>
#include <stddef.h>

#include "vmm/base/bits.h"

/* Read the digits at @text. On success @end is what follows them. */
static int read_digits(const char *text, uint64_t *value, const char **end)
{
	const char *at = text;
	uint64_t sum = 0;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (!mul_ok(sum, 10, &sum) || !add_ok(sum, *at - '0', &sum))
			return -ERANGE;
	}
	if (at == text)
		return -EINVAL;
	*value = sum;
	*end = at;
	return 0;
}

int parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	const char *end;
	uint64_t number;
	int err = read_digits(text, &number, &end);

	if (err)
		return err;
	if (*end)
		return -EINVAL;
	if (number < min || number > max)
		return -ERANGE;
	*value = number;
	return 0;
}

/* The factor that the suffix of a size stands for, 0 if it is none. */
static uint64_t size_unit(const char *suffix)
{
	if (suffix[0] && suffix[1])
		return 0;
	switch (suffix[0]) {
	case '\0':
		return 1;
	case 'K':
	case 'k':
		return KIB(1);
	case 'M':
	case 'm':
		return MIB(1);
	case 'G':
	case 'g':
		return GIB(1);
	default:
		return 0;
	}
}

int parse_size(const char *text, uint64_t *bytes)
{
	const char *end;
	uint64_t number, unit, product;
	int err = read_digits(text, &number, &end);

	if (err)
		return err;
	unit = size_unit(end);
	if (!unit)
		return -EINVAL;
	if (!mul_ok(number, unit, &product))
		return -ERANGE;
	*bytes = product;
	return 0;
}

/* The factor that the suffix of a time stands for, 0 if it is none. */
static uint64_t time_unit(const char *suffix)
{
	if (suffix[0] && suffix[1])
		return 0;
	switch (suffix[0]) {
	case '\0':
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

/* Read a number at @text in parts of 1 / @one, a power of ten. On success @end
 * is what follows it.
 */
static int read_decimal(const char *text, uint64_t one, uint64_t *value,
			const char **end)
{
	uint64_t place = one, number;
	const char *at;
	int err = read_digits(text, &number, &at);

	if (err)
		return err;
	if (!mul_ok(number, one, &number))
		return -ERANGE;
	if (*at == '.') {
		for (at++; *at >= '0' && *at <= '9' && place > 1; at++) {
			place /= 10;
			if (!add_ok(number, place * (*at - '0'), &number))
				return -ERANGE;
		}
		if (place == one)
			return -EINVAL;
	}
	*value = number;
	*end = at;
	return 0;
}

int parse_thousandths(const char *text, uint64_t *thousandths)
{
	const char *end;
	uint64_t number;
	int err = read_decimal(text, 1000, &number, &end);

	if (err)
		return err;
	if (*end)
		return -EINVAL;
	*thousandths = number;
	return 0;
}

int parse_duration(const char *text, uint64_t *ns)
{
	uint64_t number, unit;
	const char *end;
	int err = read_decimal(text, NS_PER_S, &number, &end);

	if (err)
		return err;
	unit = time_unit(end);
	if (!unit)
		return -EINVAL;
	if (!mul_ok(number, unit, &number))
		return -ERANGE;
	*ns = number;
	return 0;
}
