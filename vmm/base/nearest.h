/*
 * How far a mistyped word is from one that is known.
 */
#ifndef VMM_BASE_NEAREST_H
#define VMM_BASE_NEAREST_H

#include <stddef.h>

/**
 * struct nearest - The known word that a typed one was perhaps meant to be
 * @typed:	Word that nobody knows, @len bytes
 * @len:	Its length
 * @word:	The nearest word offered, NULL as long as none is near
 * @distance:	Letters to insert, to leave out or to change for it
 */
struct nearest {
	const char *typed;
	size_t len;
	const char *word;
	unsigned int distance;
};

/** nearest_offer() - Keep @word if it is near, and nearer than those before */
void nearest_offer(struct nearest *nearest, const char *word);

#endif /* VMM_BASE_NEAREST_H */
