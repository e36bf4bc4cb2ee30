/*
 * Whole files, and those of lines that are made of fields.
 */
#include "boot/guest/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A distribution's are a thousandth of that. */
enum { TABLE_MAX_LEN = 4 << 20 };

static int read_all(int fd, size_t max_len, char **bytes, size_t *len)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if ((size_t)st.st_size > max_len)
		return -EFBIG;
	*len = st.st_size;
	*bytes = malloc(*len + 1);
	if (!*bytes)
		return -ENOMEM;
	if (read(fd, *bytes, *len) != (ssize_t)*len) {
		free(*bytes);
		return -EIO;
	}
	(*bytes)[*len] = '\0';
	return 0;
}

int file_read(const char *path, size_t max_len, char **bytes, size_t *len)
{
	/* Nobody would write into a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	err = read_all(fd, max_len, bytes, len);
	close(fd);
	return err;
}

void file_table_open(struct file_table *table, const char *path)
{
	size_t len;

	*table = (struct file_table){0};
	if (!file_read(path, TABLE_MAX_LEN, &table->text, &len))
		table->next = table->text;
	else
		table->text = NULL;
}

bool file_table_next(struct file_table *table, int field_cnt)
{
	char *line;
	int i;

	while ((line = strsep(&table->next, "\n"))) {
		for (i = 0; i < field_cnt; i++)
			table->field[i] = strsep(&line, ":");
		if (table->field[field_cnt - 1])
			return true;
	}
	return false;
}

void file_table_close(struct file_table *table)
{
	free(table->text);
}
