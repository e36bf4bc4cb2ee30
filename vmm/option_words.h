/*
 * What people read of options and commands, wherever they are listed.
 */
#ifndef VMM_OPTION_WORDS_H
#define VMM_OPTION_WORDS_H

/**
 * struct option_words - An option in words; all constants
 * @name:	Without dashes
 * @arg:	What its value is; in brackets if it may be left out, NULL for a
 *		switch
 * @help:	What it does; no sentence
 * @letter:	Its short form, or 0
 */
struct option_words {
	const char *name;
	const char *arg;
	const char *help;
	char letter;
};

/**
 * struct command_words - A command in words; all constants
 * @name:	The command
 * @usage:	What may follow
 * @summary:	What it does; no sentence
 */
struct command_words {
	const char *name;
	const char *usage;
	const char *summary;
};

#endif /* VMM_OPTION_WORDS_H */
