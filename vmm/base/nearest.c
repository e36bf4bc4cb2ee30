/*
 * How far a mistyped word is from one that is known: Levenshtein's distance.
 */
#include "vmm/base/nearest.h"

#include <string.h>

#include "vmm/base/bits.h"

/* Longer words are nobody's; farther ones look unlike what was typed. */
enum { WORD_MAX_LEN = 31, FARTHEST = 2 };

static unsigned int distance_between(const char *a, size_t a_len, const char *b,
				     size_t b_len)
{
	unsigned int row[WORD_MAX_LEN + 1]; /* from a's start to b's starts */

	for (unsigned int j = 0; j <= b_len; j++)
		row[j] = j;
	for (unsigned int i = 1; i <= a_len; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned int change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_len];
}

void nearest_offer(struct nearest *nearest, const char *word)
{
	size_t len = strlen(word);
	unsigned int distance;

	if (len > WORD_MAX_LEN || nearest->len > WORD_MAX_LEN)
		return;
	distance = distance_between(nearest->typed, nearest->len, word, len);
	/* Of a short word some letters have to be left. */
	if (distance > FARTHEST || distance >= (len + 1) / 2)
		return;
	if (nearest->word && distance >= nearest->distance)
		return;
	nearest->word = word;
	nearest->distance = distance;
}
