/*
 * Options from a file: one JSON object whose keys are the names of options.
 */
#ifndef VMM_CONFIGFILE_H
#define VMM_CONFIGFILE_H

#include <stddef.h>

struct config;
struct fail;

/**
 * struct configfile - The strings that a configuration borrows from its file
 * @word:	Each of them, owned
 * @word_cnt:	How many
 * @command:	"command": some of @word and NULL, or NULL if there is none;
 *		owned
 */
struct configfile {
	char **word;
	size_t word_cnt;
	char **command;
};

/**
 * configfile_read() - Set what a file says, as the options of its keys do
 * @file:	Filled in any case; must outlive @config
 * @config:	Changed; its command says which options there are
 * @path:	The file, relative to the current directory as paths in it are
 * @fail:	Receives one line that names @path
 *
 * Return: 0, or a negative errno with @fail set
 */
int configfile_read(struct configfile *file, struct config *config,
		    const char *path, struct fail *fail);

/** configfile_destroy() - Free the strings; fit for one that is all zero */
void configfile_destroy(struct configfile *file);

#endif /* VMM_CONFIGFILE_H */
