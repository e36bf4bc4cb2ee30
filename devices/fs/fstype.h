/*
 * What is to be known of a file system by its type (statfs(2)).
 */
#ifndef DEVICES_FS_FSTYPE_H
#define DEVICES_FS_FSTYPE_H

#include <stdbool.h>
#include <stdint.h>

/** fstype_is_remote() - Do others change it behind this host's back? */
bool fstype_is_remote(uint32_t type);

/** fstype_is_strange() - Has it no pages of files, or pages of another size? */
bool fstype_is_strange(uint32_t type);

/** fstype_folds_names() - Can two spellings be one name? */
bool fstype_folds_names(uint32_t type);

#endif /* DEVICES_FS_FSTYPE_H */
