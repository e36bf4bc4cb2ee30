/*
 * The command line: from argv to a configuration.
 */
#ifndef VMM_ARGV_H
#define VMM_ARGV_H

struct config;
struct fail;

/**
 * argv_parse() - Turn the command line into a configuration
 * @config:	Filled, with defaults for what was not given; its file is to be
 *		destroyed by the caller, whatever the result is
 * @argc:	As main() got it
 * @argv:	As main() got it; must outlive @config
 * @fail:	Receives one line if something is wrong with it
 *
 * Return: 0 or a negative errno with @fail set
 */
int argv_parse(struct config *config, int argc, char **argv, struct fail *fail);

#endif /* VMM_ARGV_H */
