; SPDX-License-Identifier: MIT
;
; The vDSO's image, as the Makefile linked it, on a page of its own. In .data: vdso_init() may patch it; programs see it
; through a mapping that cannot be written.

section .data.page_aligned progbits alloc noexec write align=4096
	global vdso_image
vdso_image:
	incbin "arch/i386/vdso/vdso.so"
	times 4096 - ($ - vdso_image) db 0

section .note.GNU-stack noalloc noexec nowrite progbits
