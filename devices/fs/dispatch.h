/*
 * The table of operations, for whoever reports about them.
 */
#ifndef DEVICES_FS_DISPATCH_H
#define DEVICES_FS_DISPATCH_H

#include <stdint.h>

/** fs_op_name() - "LOOKUP" and so on; NULL for what is not served */
const char *fs_op_name(uint32_t opcode);

#endif /* DEVICES_FS_DISPATCH_H */
