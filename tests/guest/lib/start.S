/*
 * Entry of a bare guest (Linux x86 boot protocol, "32-bit Boot Protocol"):
 * flat protected mode without paging, interrupts off, ESI = boot_params. And
 * the one way out of an interrupt.
 */
	.section .text.start, "ax"
	.globl _start
_start:
	cld
	movl	$stack_top, %esp
	pushl	%esi
	call	guest_start
1:	jmp	1b

	.text
	.globl irq_entry
irq_entry:
	pushal
	cld
	call	irq_dispatch
	popal
	/* What IRET does, in instructions that software emulation knows. */
	pushl	8(%esp)
	popfl
	lret	$4

	.bss
	.balign	16
	.skip	16384
stack_top:
	.section .note.GNU-stack, "", @progbits
