/*
 * File systems that others change behind this host's back.
 */
#ifndef DEVICES_FS_REMOTE_H
#define DEVICES_FS_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

/** remote_is_type() - Is this type of statfs(2) one of them? */
bool remote_is_type(uint32_t type);

#endif /* DEVICES_FS_REMOTE_H */
