; SPDX-License-Identifier: MIT
;
; The first instructions at 3 GB (from entry.asm): the boot stack, and C. In a file of its own because NASM gives line numbers to one
; section of a file only.

	extern kernel_main
	global boot_high, boot_stack, boot_stack_top

	bits 32
section .text
boot_high:
	mov esp, boot_stack_top
	xor ebp, ebp
	mov eax, esi                    ; regparm: magic, information
	mov edx, edi
	call kernel_main
.stop:	cli
	hlt
	jmp .stop

section .bss align=8192
boot_stack: resb 8192                   ; the boot CPU's idle task keeps it
boot_stack_top:

section .note.GNU-stack noalloc noexec nowrite progbits
