/*
 * Lines of /proc/PID/mountinfo (proc(5)).
 */
#ifndef VMM_SANDBOX_MOUNTINFO_H
#define VMM_SANDBOX_MOUNTINFO_H

#include <stdbool.h>

/**
 * struct mountinfo - A mount, as a line tells of it [all borrowed from that]
 * @id:		Its number
 * @root:	What of its file system is mounted: a path there
 * @point:	Where
 * @type:	The file system's
 */
struct mountinfo {
	const char *id;
	const char *root;
	const char *point;
	const char *type;
};

/**
 * mountinfo_parse() - Take a line apart
 * @m:		Filled
 * @line:	The line; is cut up, and must outlive @m
 *
 * Return: false if it is none, with @m undefined
 */
bool mountinfo_parse(struct mountinfo *m, char *line);

#endif /* VMM_SANDBOX_MOUNTINFO_H */
