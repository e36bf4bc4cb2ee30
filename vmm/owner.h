/*
 * --owner: whose the files of a share are, for a monitor that may not give them
 * to everybody.
 */
#ifndef VMM_OWNER_H
#define VMM_OWNER_H

#include "vmm/config.h"

struct fs_config;
struct sandbox;

/* The words for it, as the user writes them. */
#define OWNER_WORDS "map|squash|xattr"

/**
 * owner_parse() - Read --owner
 * @owner:	Filled
 * @word:	As the user wrote it
 *
 * Return: 0 or -EINVAL
 */
int owner_parse(enum config_owner *owner, const char *word);

/**
 * owner_apply() - Say how a share's owners are to be served
 * @fs:		Share; one that has rules for ids keeps them
 * @owner:	What the user wants
 * @sb:		Whose ids the monitor has
 */
void owner_apply(struct fs_config *fs, enum config_owner owner,
		 const struct sandbox *sb);

#endif /* VMM_OWNER_H */
