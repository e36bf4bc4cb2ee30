/*
 * Which interpreter a program wants: "#!" (execve(2)), PT_INTERP (ELF-64), or
 * that of text.
 */
#include "boot/guest/interp.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/bits.h"

static int read_script(int fd, char interp[INTERP_LEN])
{
	char line[INTERP_LEN] = "";
	char *start;

	if (pread(fd, line, sizeof(line) - 1, 0) < 2 || memcmp(line, "#!", 2))
		return -ENOEXEC;
	start = line + 2 + strspn(line + 2, " \t");
	start[strcspn(start, " \t\n")] = '\0';
	memmove(interp, start, strlen(start) + 1);
	return *interp ? 0 : -ENOEXEC;
}

static int read_elf(int fd, char interp[INTERP_LEN])
{
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;
	unsigned int i;
	uint64_t at;

	if (pread(fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64)
		return -ENOEXEC;
	for (i = 0; i < ehdr.e_phnum; i++) {
		if (!add_ok(ehdr.e_phoff, i * sizeof(phdr), &at) ||
		    pread(fd, &phdr, sizeof(phdr), (off_t)at) != sizeof(phdr))
			return -ENOEXEC;
		if (phdr.p_type != PT_INTERP)
			continue;
		memset(interp, 0, INTERP_LEN);
		if (pread(fd, interp, MIN(phdr.p_filesz, INTERP_LEN - 1ULL),
			  (off_t)phdr.p_offset) <= 0)
			return -ENOEXEC;
		return *interp ? 0 : -ENOEXEC;
	}
	return -ENOEXEC;
}

static int read_text(int fd, char interp[INTERP_LEN])
{
	char start[INTERP_LEN];
	ssize_t len = pread(fd, start, sizeof(start), 0);

	if (len < 0)
		return -errno;
	if (len >= SELFMAG && !memcmp(start, ELFMAG, SELFMAG))
		return -ENOEXEC;
	for (ssize_t i = 0; i < len && start[i] != '\n'; i++) {
		if (!start[i])
			return -ENOEXEC;
	}
	memcpy(interp, INTERP_SHELL, sizeof(INTERP_SHELL));
	return 0;
}

int interp_read(const char *path, char interp[INTERP_LEN])
{
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_script(fd, interp);
	if (err)
		err = read_elf(fd, interp);
	if (err)
		err = read_text(fd, interp);
	close(fd);
	return err;
}
