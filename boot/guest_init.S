/*
 * The guest's pid 1 (boot/guest/), as bytes in the monitor's own image.
 */
	.section .rodata
	.balign 16
	.globl guest_init_start, guest_init_end
guest_init_start:
	.incbin INIT_PATH
guest_init_end:
	.section .note.GNU-stack, "", @progbits
