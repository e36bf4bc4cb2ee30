/*
 * Whole files, and those of lines that are made of fields, as /etc/passwd.
 */
#ifndef BOOT_GUEST_FILE_H
#define BOOT_GUEST_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Fields that /etc/passwd has, which has the most. */
enum { FILE_MAX_FIELDS = 7 };

/**
 * struct file_table - A file of lines with fields, and where its reader is
 * @text:	All of it [owned]
 * @next:	The next line, NULL at the end
 * @field:	Fields of the line that was read last
 */
struct file_table {
	char *text;
	char *next;
	char *field[FILE_MAX_FIELDS];
};

/**
 * file_read() - Read all of a file
 * @path:	The file
 * @max_len:	What is longer is refused
 * @bytes:	Filled, to be free()d; a NUL follows them
 * @len:	Their number
 *
 * Return: 0 or a negative errno, with nothing left behind
 */
int file_read(const char *path, size_t max_len, char **bytes, size_t *len);

/** file_table_open() - Begin to read; a file that cannot be read is empty */
void file_table_open(struct file_table *table, const char *path);

/** file_table_next() - Read the next line that has at least @field_cnt fields
 *
 * Return: false at the end
 */
bool file_table_next(struct file_table *table, int field_cnt);

/** file_table_close() - Release the text, and with it all fields */
void file_table_close(struct file_table *table);

#endif /* BOOT_GUEST_FILE_H */
