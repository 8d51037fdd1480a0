; SPDX-License-Identifier: MIT
;
; First instructions. The loader (GRUB, QEMU -kernel) leaves a multiboot 1 machine: protected mode, paging off,
; EAX = 0x2BADB002, EBX = physical address of the multiboot information. Here: check for PAE, map the first 896 MB
; twice (at 0 and at 3 GB) with 2 MB pages through one page directory, turn paging on, jump high, call C.
; Rights are set later, in arch/i386/pgtable.c.

KERNEL_OFFSET equ 0xc0000000
%define phys(x) ((x) - KERNEL_OFFSET)

MB_MAGIC equ 0x1badb002
MB_FLAGS equ 3                          ; modules on page boundaries, memory map wanted

	extern kernel_pmd, kernel_pdpt, boot_high, boot_stack_top
	global boot_start

section .multiboot progbits alloc noexec nowrite align=4
	dd MB_MAGIC, MB_FLAGS, -(MB_MAGIC + MB_FLAGS)

section .boot progbits alloc exec nowrite align=16
	bits 32
boot_start:
	cli
	cld
	mov esp, phys(boot_stack_top)
	mov esi, eax
	mov edi, ebx
	mov eax, 1
	cpuid
	test edx, 1 << 6                ; PAE
	jz .no_pae

	; kernel_pmd[0..447]: 2 MB pages, present, writable
	mov edx, phys(kernel_pmd)
	mov eax, 0x83
	mov ecx, 448
.pmd:	mov [edx], eax
	mov dword [edx + 4], 0
	add eax, 1 << 21
	add edx, 8
	loop .pmd
	mov eax, phys(kernel_pmd) + 1
	mov [phys(kernel_pdpt)], eax
	mov [phys(kernel_pdpt) + 24], eax

	mov eax, cr4
	or eax, 1 << 5
	mov cr4, eax
	mov eax, phys(kernel_pdpt)
	mov cr3, eax
	mov eax, cr0
	or eax, 0x80010001              ; PG, WP, PE
	mov cr0, eax
	mov eax, boot_high
	jmp eax

.no_pae:
	mov esi, no_pae_text
.next:	lodsb
	test al, al
	jz boot_stop
	mov bl, al
	mov dx, 0x3fd
.busy:	in al, dx
	test al, 0x20
	jz .busy
	mov al, bl
	mov dx, 0x3f8
	out dx, al
	jmp .next

boot_stop:
	cli
	hlt
	jmp boot_stop
no_pae_text: db "Isthmus needs a processor with PAE (Pentium Pro or later).", 13, 10, 0

section .note.GNU-stack noalloc noexec nowrite progbits
