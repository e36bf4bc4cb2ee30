/*
 * Which interpreter a program wants.
 */
#ifndef BOOT_GUEST_INTERP_H
#define BOOT_GUEST_INTERP_H

enum { INTERP_LEN = 256 };

/* Of a script that names none. */
#define INTERP_SHELL "/bin/sh"

/**
 * interp_read() - Find the interpreter of a script or a dynamic ELF program
 * @path:	The program
 * @interp:	Filled with the interpreter's path, cut if it is too long
 *
 * A file without "#!" that is no ELF program either is a script for
 * INTERP_SHELL if its first line is text, as bash(1) decides it. execvp(3)
 * takes any file for one: a program for another machine then ends with a
 * syntax error, or does what its bytes happen to mean. Here that stays "Exec
 * format error".
 *
 * Return: 0, -ENOEXEC if it has none, or another negative errno
 */
int interp_read(const char *path, char interp[INTERP_LEN]);

#endif /* BOOT_GUEST_INTERP_H */
