; SPDX-License-Identifier: MIT
;
; The code that programs run in the kernel's page: entering the kernel, returning from signal handlers, reading clocks. It
; becomes a shared library of one page, linux-gate.so.1, which the C library finds by AT_SYSINFO_EHDR.
;
; Nothing here may write its own page or use another; [vvar] lies at a fixed address. Calls are cdecl: the interface of
; Linux's vDSO, names and versions included.

%include "arch/i386/offsets.inc"

	global __kernel_vsyscall:function, __kernel_sigreturn:function, __kernel_rt_sigreturn:function
	global __vdso_clock_gettime:function, __vdso_clock_gettime64:function, __vdso_clock_getres:function
	global __vdso_gettimeofday:function, __vdso_time:function

%define NR_TIME 13
%define NR_GETTIMEOFDAY 78
%define NR_SIGRETURN 119
%define NR_RT_SIGRETURN 173
%define NR_CLOCK_GETTIME 265
%define NR_CLOCK_GETRES 266
%define NR_CLOCK_GETTIME64 403

%define V_SEQ VVAR_BASE + 0             ; struct vvar, arch/i386/vdso.h
%define V_FROM_TSC VVAR_BASE + 4
%define V_MULT VVAR_BASE + 8
%define V_SHIFT VVAR_BASE + 12
%define V_START VVAR_BASE + 16
%define V_REAL VVAR_BASE + 24

%define NSEC 1000000000
%define WALL_CLOCKS (1 << 0 | 1 << 5 | 1 << 11)                 ; REALTIME, its coarse form, TAI
%define OUR_CLOCKS (WALL_CLOCKS | 1 << 1 | 1 << 4 | 1 << 6 | 1 << 7) ; MONOTONIC, RAW, coarse, BOOTTIME

section .text progbits alloc exec nowrite align=16
	bits 32

; ---------------------------------------------------------------------------------------------- entering the kernel ----
; Registers as for int 0x80. sysenter loses esp and eip, so esp travels in ebp, ebp on the stack, and the kernel returns to
; the place it knows; sysexit loses ecx and edx. A system call that starts again does so by the int 0x80 in front of that
; place. Processors without sysenter get nops in place of the two instructions.
__kernel_vsyscall:
	push ecx
.ecx:	push edx
.edx:	push ebp
.ebp:	mov ebp, esp
	sysenter
	int 0x80
.landing:
	pop ebp
.no_ebp:
	pop edx
.no_edx:
	pop ecx
.no_ecx:
	ret
.end:
	times VDSO_LANDING - VDSO_BASE - 0x800 - (.landing - __kernel_vsyscall) db 0 ; does not assemble if one is wrong
	times -(VDSO_LANDING - VDSO_BASE - 0x800 - (.landing - __kernel_vsyscall)) db 0

; ---------------------------------------------------------------------------------------------- signal handlers --------
; Unwinders know these bytes; the nop is for those that look one byte before a return address.
	times 0x1f - ($ - $$) nop
sigreturn_start:
	nop
__kernel_sigreturn:
	pop eax
.popped:
	mov eax, NR_SIGRETURN
	int 0x80
.end:
	times 0x2f - ($ - $$) nop
rt_sigreturn_start:
	nop
__kernel_rt_sigreturn:
	mov eax, NR_RT_SIGRETURN
	int 0x80
.end:

; ---------------------------------------------------------------------------------------------- the time --------------
	align 16
; eax = clock => CF clear, edi:ebx = its ns; CF set: not one of ours, or the TSC is not to be trusted. ebp is kept.
read_clock:
	cmp eax, 31
	ja .refuse
	mov ecx, OUR_CLOCKS
	bt ecx, eax
	jnc .refuse
	cmp dword [V_FROM_TSC], 0
	je .refuse
	push ebp
	push eax
.again:
	mov ebp, [V_SEQ]
	test ebp, 1
	jnz .wait
	rdtsc
	sub eax, [V_START]
	sbb edx, [V_START + 4]
	mov esi, edx                    ; the same sum as arch_clock_ns()
	mul dword [V_MULT]
	mov ecx, [V_SHIFT]
	cmp ecx, 32
	jb .shorter
	mov ebx, edx
	xor edi, edi
	mov eax, esi
	mul dword [V_MULT]
	jmp .sum
.shorter:
	shrd eax, edx, cl
	shr edx, cl
	mov ebx, eax
	mov edi, edx
	mov eax, esi
	mul dword [V_MULT]
	neg ecx                         ; shifts count modulo 32
	shld edx, eax, cl
	shl eax, cl
.sum:	add ebx, eax
	adc edi, edx
	mov eax, [esp]
	mov ecx, WALL_CLOCKS
	bt ecx, eax
	jnc .check
	add ebx, [V_REAL]
	adc edi, [V_REAL + 4]
.check:	cmp ebp, [V_SEQ]
	jne .again
	pop eax
	pop ebp
	clc
	ret
.wait:	pause
	jmp .again
.refuse:
	stc
	ret

; edi:ebx ns => ecx:eax seconds, edx ns
split_ns:
	mov esi, NSEC
	xor edx, edx
	mov eax, edi
	div esi
	mov ecx, eax
	mov eax, ebx
	div esi
	ret

; edi, esi and ebx are saved; arguments 1 and 2 of the function at [esp + 16] and [esp + 20]
%macro ENTER 0
	push ebx
	push esi
	push edi
%endmacro
%macro LEAVE 0
	pop edi
	pop esi
	pop ebx
	ret
%endmacro
%macro ASK_KERNEL 1                     ; the system call with the same two arguments
	mov eax, %1
	mov ebx, [esp + 16]
	mov ecx, [esp + 20]
	call __kernel_vsyscall
	LEAVE
%endmacro

	align 16
__vdso_clock_gettime:                   ; (clock, struct timespec *): 32 bits each
	ENTER
	mov eax, [esp + 16]
	call read_clock
	jc .ask
	call split_ns
	mov edi, [esp + 20]
	mov [edi], eax
	mov [edi + 4], edx
	xor eax, eax
	LEAVE
.ask:	ASK_KERNEL NR_CLOCK_GETTIME
.end:

	align 16
__vdso_clock_gettime64:                 ; (clock, struct timespec64 *): 64 bits each
	ENTER
	mov eax, [esp + 16]
	call read_clock
	jc .ask
	call split_ns
	mov edi, [esp + 20]
	mov [edi], eax
	mov [edi + 4], ecx
	mov [edi + 8], edx
	mov dword [edi + 12], 0
	xor eax, eax
	LEAVE
.ask:	ASK_KERNEL NR_CLOCK_GETTIME64
.end:

	align 16
__vdso_gettimeofday:                    ; (struct timeval *, struct timezone *)
	ENTER
	cmp dword [esp + 20], 0
	jne .ask                        ; nobody asks for the zone
	cmp dword [esp + 16], 0
	je .ask
	xor eax, eax
	call read_clock
	jc .ask
	call split_ns
	mov edi, [esp + 16]
	mov [edi], eax
	mov eax, edx
	xor edx, edx
	mov ecx, 1000
	div ecx
	mov [edi + 4], eax
	xor eax, eax
	LEAVE
.ask:	ASK_KERNEL NR_GETTIMEOFDAY
.end:

	align 16
__vdso_time:                            ; (time_t *)
	ENTER
	xor eax, eax
	call read_clock
	jc .ask
	call split_ns
	mov edi, [esp + 16]
	test edi, edi
	jz .done
	mov [edi], eax
.done:	LEAVE
.ask:	ASK_KERNEL NR_TIME
.end:

	align 16
__vdso_clock_getres:                    ; (clock, struct timespec *)
	ENTER
	ASK_KERNEL NR_CLOCK_GETRES
.end:

; ---------------------------------------------------------------------------------------------- for unwinders ----------
; DWARF call frame information, by hand: exceptions and debuggers come through here when a signal hits the code above.
%define R_DW_ECX 1
%define R_DW_EDX 2
%define R_DW_EBX 3
%define R_DW_ESP 4
%define R_DW_EBP 5
%define R_DW_ESI 6
%define R_DW_EDI 7
%define R_DW_EIP 8
%define CFA_ADVANCE(n) 0x40 + (n)       ; ... so many bytes of code on
%define CFA_OFFSET(reg) 0x80 + (reg)    ; register saved at CFA - 4 * next byte
%define CFA_RESTORE(reg) 0xc0 + (reg)   ; register is as it was at the start
%define CFA_DEF_CFA 0x0c
%define CFA_DEF_CFA_OFFSET 0x0e
%define CFA_DEF_CFA_EXPRESSION 0x0f
%define CFA_EXPRESSION 0x10
%define OP_ESP_PLUS 0x74
%define OP_DEREF 0x06

section .eh_frame progbits alloc noexec nowrite align=4
%macro CIE_HEAD 2+                      ; name, augmentation string
%1:	dd %1_end - %1 - 4
	dd 0
	db 1, %2, 0
	db 1, 0x7c, R_DW_EIP            ; code in bytes, data in words downwards, where the return address is
	db 1, 0x1b                      ; addresses relative, 4 bytes
%endmacro
%macro FDE 4                            ; name, CIE, first and last byte + 1
%1:	dd %1_end - %1 - 4
	dd $ - %2
	dd %3 - $
	dd %4 - %3
	db 0
%endmacro
%macro END_OF 1
	align 4, db 0
%1_end:
%endmacro

	CIE_HEAD cie, "zR"
	db CFA_DEF_CFA, R_DW_ESP, 4, CFA_OFFSET(R_DW_EIP), 1
	END_OF cie

	FDE fde_vsyscall, cie, __kernel_vsyscall, __kernel_vsyscall.end
	db CFA_ADVANCE(1), CFA_DEF_CFA_OFFSET, 8, CFA_OFFSET(R_DW_ECX), 2
	db CFA_ADVANCE(1), CFA_DEF_CFA_OFFSET, 12, CFA_OFFSET(R_DW_EDX), 3
	db CFA_ADVANCE(1), CFA_DEF_CFA_OFFSET, 16, CFA_OFFSET(R_DW_EBP), 4
	db CFA_ADVANCE(__kernel_vsyscall.no_ebp - __kernel_vsyscall.ebp), CFA_DEF_CFA_OFFSET, 12, CFA_RESTORE(R_DW_EBP)
	db CFA_ADVANCE(1), CFA_DEF_CFA_OFFSET, 8, CFA_RESTORE(R_DW_EDX)
	db CFA_ADVANCE(1), CFA_DEF_CFA_OFFSET, 4, CFA_RESTORE(R_DW_ECX)
	END_OF fde_vsyscall

%macro FDE_CLOCK 1                      ; a function that begins with ENTER; exact behind it, which is where signals find it
	FDE fde%1, cie, %1, %1.end
	db CFA_ADVANCE(1), CFA_DEF_CFA_OFFSET, 8, CFA_OFFSET(R_DW_EBX), 2
	db CFA_ADVANCE(1), CFA_DEF_CFA_OFFSET, 12, CFA_OFFSET(R_DW_ESI), 3
	db CFA_ADVANCE(1), CFA_DEF_CFA_OFFSET, 16, CFA_OFFSET(R_DW_EDI), 4
	END_OF fde%1
%endmacro
	FDE_CLOCK __vdso_clock_gettime
	FDE_CLOCK __vdso_clock_gettime64
	FDE_CLOCK __vdso_gettimeofday
	FDE_CLOCK __vdso_time
	FDE_CLOCK __vdso_clock_getres

	CIE_HEAD cie_signal, "zRS"      ; S: what is below is a whole set of registers
	END_OF cie_signal

%macro LEB 1                            ; 0..8191, signed LEB128 in two bytes
	db (%1) & 0x7f | 0x80, (%1) >> 7
%endmacro
%macro AT_ESP 2                         ; register, its place
	db CFA_EXPRESSION, %1, 3, OP_ESP_PLUS
	LEB %2
%endmacro
%macro SIGCONTEXT 1                     ; esp + %1: struct sigcontext
	db CFA_DEF_CFA_EXPRESSION, 4, OP_ESP_PLUS
	LEB %1 + 28
	db OP_DEREF
	AT_ESP 0, %1 + 44
	AT_ESP R_DW_ECX, %1 + 40
	AT_ESP R_DW_EDX, %1 + 36
	AT_ESP R_DW_EBX, %1 + 32
	AT_ESP R_DW_EBP, %1 + 24
	AT_ESP R_DW_ESI, %1 + 20
	AT_ESP R_DW_EDI, %1 + 16
	AT_ESP R_DW_EIP, %1 + 56
%endmacro
	FDE fde_sigreturn, cie_signal, sigreturn_start, __kernel_sigreturn.end
	SIGCONTEXT 4
	db CFA_ADVANCE(__kernel_sigreturn.popped - sigreturn_start)
	SIGCONTEXT 0
	END_OF fde_sigreturn
	FDE fde_rt_sigreturn, cie_signal, rt_sigreturn_start, __kernel_rt_sigreturn.end
	SIGCONTEXT 160                  ; signal, &info, &context; siginfo 128; flags, link, stack 12
	END_OF fde_rt_sigreturn
	dd 0

section .note.linux note alloc noexec nowrite align=4
	dd 6, 4, 0                      ; "Linux", a version as LINUX_VERSION_CODE: 6.1.0
	db "Linux", 0, 0, 0
	dd 6 << 16 | 1 << 8

section .note.GNU-stack noalloc noexec nowrite progbits
