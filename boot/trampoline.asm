; SPDX-License-Identifier: MIT
;
; Where the other CPUs begin: copied to physical 8000h, entered there in real mode by the start-up interrupt. The way
; up is that of boot/entry.asm; the page tables are the kernel's with a 1:1 window on the first 2 MB.

KERNEL_OFFSET equ 0xc0000000
BASE equ 0x8000

	extern trampoline_pdpt, ap_stack, ap_number, ap_nxe, ap_start
	global trampoline_start, trampoline_end

section .rodata
	align 16
trampoline_start:
	bits 16
	cli
	cld
	mov ax, cs
	mov ds, ax
	lgdt [gdtr - trampoline_start]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword 8:(BASE + protected - trampoline_start)

	bits 32
protected:
	mov ax, 16
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov eax, cr4
	or eax, 1 << 5                  ; PAE
	mov cr4, eax
	cmp dword [ap_nxe - KERNEL_OFFSET], 0
	je .no_nx
	mov ecx, 0xc0000080             ; EFER
	rdmsr
	or eax, 1 << 11                 ; NXE: the kernel's entries have the bit
	wrmsr
.no_nx:
	mov eax, trampoline_pdpt - KERNEL_OFFSET
	mov cr3, eax
	mov eax, cr0
	or eax, 0x80010000              ; PG, WP
	mov cr0, eax
	mov eax, ap_high
	jmp eax

	align 8
gdt:	dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:	dw 23
	dd BASE + gdt - trampoline_start
trampoline_end:

section .text
ap_high:
	mov esp, [ap_stack]
	xor ebp, ebp
	mov eax, [ap_number]
	call ap_start
.stop:	cli
	hlt
	jmp .stop

section .note.GNU-stack noalloc noexec nowrite progbits
