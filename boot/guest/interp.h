/*
 * Which interpreter a program wants: for the message that it is missing.
 */
#ifndef BOOT_GUEST_INTERP_H
#define BOOT_GUEST_INTERP_H

enum { INTERP_LEN = 256 };

/**
 * interp_read() - Find the interpreter of a script or a dynamic ELF program
 * @path:	The program
 * @interp:	Filled with the interpreter's path, cut if it is too long
 *
 * Return: 0, -ENOEXEC if it names none, or another negative errno
 */
int interp_read(const char *path, char interp[INTERP_LEN]);

#endif /* BOOT_GUEST_INTERP_H */
