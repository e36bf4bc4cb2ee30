/*
 * What follows the options of a command, and what options mean together.
 */
#ifndef VMM_ARGUMENTS_H
#define VMM_ARGUMENTS_H

struct config;
struct fail;

/**
 * arguments_settle() - Find out what options mean together
 *
 * Return: 0 or a negative errno with @fail set
 */
int arguments_settle(struct config *config, struct fail *fail);

/**
 * arguments_take() - Take what follows the options
 * @config:	Command and options are there
 * @args:	The first of them, NULL terminated, in an argv with more before
 * @fail:	Receives one line if something is wrong
 *
 * Return: 0 or a negative errno with @fail set
 */
int arguments_take(struct config *config, char **args, struct fail *fail);

#endif /* VMM_ARGUMENTS_H */
