/*
 * A writer of ACPI tables and of the machine language (AML) in one of them.
 *
 * Theory of operation: everything is appended to one buffer. A block (a scope,
 * a device, a package, a list of resources) knows its length only at its end,
 * and the length is stored, in one to four bytes, before its contents: so
 * aml_end() moves the contents up to make room. A buffer that is full stays
 * full; the caller asks once, at the end.
 */
#ifndef BOOT_AML_H
#define BOOT_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AML_MAX_DEPTH = 8 };

/**
 * struct aml - A buffer that is being written
 * @buf:	Start [borrowed]
 * @cap:	Its size
 * @len:	Bytes written
 * @full:	Something did not fit: the contents are worthless
 * @open:	Where the contents of each open block begin
 * @depth:	Open blocks
 */
struct aml {
	uint8_t *buf;
	size_t cap;
	size_t len;
	bool full;
	size_t open[AML_MAX_DEPTH];
	unsigned int depth;
};

/** aml_init() - Start writing at @buf, at most @cap bytes */
void aml_init(struct aml *aml, void *buf, size_t cap);

/** aml_bytes() - Append bytes as they are */
void aml_bytes(struct aml *aml, const void *data, size_t len);

/** aml_scope() - Open Scope (@name); to be closed by aml_end() */
void aml_scope(struct aml *aml, const char *name);

/** aml_device() - Open Device (@name); to be closed by aml_end() */
void aml_device(struct aml *aml, const char *name);

/** aml_end() - Close the scope, device or package that was opened last */
void aml_end(struct aml *aml);

/** aml_name() - Name (@name, ...): the next object is its value */
void aml_name(struct aml *aml, const char *name);

/** aml_int() - An integer, as short as it can be */
void aml_int(struct aml *aml, uint64_t value);

/** aml_string() - A string of ASCII characters */
void aml_string(struct aml *aml, const char *s);

/** aml_eisaid() - EisaId (@id), an integer; three capital letters, four digits
 *		   of hexadecimal
 */
void aml_eisaid(struct aml *aml, const char *id);

/** aml_package() - Open Package (@cnt); @cnt objects and aml_end() follow */
void aml_package(struct aml *aml, uint8_t cnt);

/** aml_resources() - Open ResourceTemplate (); resources and
 *		      aml_resources_end() follow
 */
void aml_resources(struct aml *aml);

/** aml_resources_end() - Close what aml_resources() opened */
void aml_resources_end(struct aml *aml);

/** aml_memory32() - Memory32Fixed (ReadWrite, @base, @len) */
void aml_memory32(struct aml *aml, uint32_t base, uint32_t len);

/** aml_io() - IO (Decode16, @port, @port, 1, @len) */
void aml_io(struct aml *aml, uint16_t port, uint8_t len);

/** aml_interrupt() - Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive)
 *		      { @gsi }
 */
void aml_interrupt(struct aml *aml, uint32_t gsi);

#endif /* BOOT_AML_H */
