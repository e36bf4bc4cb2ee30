/*
 * The guest's pid 1 (boot/guest/), as bytes in the monitor's own image.
 */
	.section .rodata
	.balign 16
	.globl guest_init, guest_init_len
guest_init:
	.incbin INIT_PATH
guest_init_end:
	.balign 8
guest_init_len:
	.quad guest_init_end - guest_init
	.section .note.GNU-stack, "", @progbits
