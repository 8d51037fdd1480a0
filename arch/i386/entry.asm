; SPDX-License-Identifier: MIT
;
; Into the kernel and out of it.
;
; Every entry pushes a struct regs (arch/i386/traps.h) and makes three things true: DF is clear, %ds and %es are flat
; (the user's flat segment serves the kernel as well, so in the common case nothing is loaded), %fs is per-CPU data.
; %gs is not touched: it stays the user's while the kernel runs and is switched with the task.
;
; A system call comes through a trap gate, with interrupts on; everything else through interrupt gates. An interrupt may
; therefore find the kernel with the user's segments, between the first instructions of a system call or among the last
; before iret. So entries look at the segments, never at CS, and the way back to kernel mode restores what was found.
;
; The quick way out of a system call keeps ebx, edi and ebp (C preserved them) and the segments. Whoever changes the frame
; meanwhile (exec, sigreturn, signal delivery, odd segments at entry) sets WORK_FULL_RESTORE.
;
; sysenter comes from one place only, __kernel_vsyscall (vdso/vdso.asm), and always goes back to it. It saves nothing, so the
; frame is made here: as int 0x80 would have made it, that signals, fork and restarted calls need know no difference.

%include "arch/i386/offsets.inc"

	extern do_irq, do_trap, do_page_fault, do_exit_work, do_bad_iret, do_double_fault, sys_unknown
	extern syscall_table, nr_syscalls, current_task, sched_tail
	global trap_stubs, syscall_entry, page_fault_entry, double_fault_entry
	global sysenter_entry, sysenter_stepped
	global switch_stack, kthread_entry, fork_entry

%macro EX_TABLE 2                       ; faulting instruction, where to go on
	[section .ex_table progbits alloc noexec nowrite align=4]
	dd %1, %2
	__?SECT?__
%endmacro

%macro PUSH_REGS 0
	push fs
	push es
	push ds
	push eax
	push ebp
	push edi
	push esi
	push edx
	push ecx
	push ebx
	cld
%endmacro

%macro POP_REGS 0
	pop ebx
	pop ecx
	pop edx
	pop esi
	pop edi
	pop ebp
	pop eax
%endmacro

%macro KERNEL_SEGMENTS 0
	cmp word [esp + R_DS], USER_DS
	jne %%load
	cmp word [esp + R_ES], USER_DS
	je %%good
%%load:	push USER_DS
	pop ds
	push USER_DS
	pop es
%%good:	push PERCPU_SEG
	pop fs
%endmacro

section .text.entry progbits alloc exec nowrite align=64
	bits 32

; ---------------------------------------------------------------------------------------------- system calls ----------
	align 64
syscall_entry:
	push eax
	PUSH_REGS
	cmp word [esp + R_DS], USER_DS
	jne .odd_segments
	cmp word [esp + R_ES], USER_DS
	jne .odd_segments
	push PERCPU_SEG
	pop fs
.dispatch:
	cmp eax, [nr_syscalls]
	jae .unknown
	push ebp                        ; arguments 6, 5, 4; 3 in ecx, 2 in edx, 1 in eax
	push edi
	push esi
	mov esi, [syscall_table + eax * 4]
	mov eax, ebx
	xchg ecx, edx
	call esi
	add esp, 12
.done:
	cli
	mov ecx, [fs:current_task]
	cmp dword [ecx + TASK_WORK], 0
	jne .work
	mov ecx, [esp + R_ECX]
	mov edx, [esp + R_EDX]
	mov esi, [esp + R_ESI]
.load_fs:
	mov fs, [esp + R_FS]
.fs_loaded:
	add esp, R_EIP
.iret:	iret
	EX_TABLE .iret, bad_iret
	EX_TABLE .load_fs, .bad_fs
.bad_fs:
	mov dword [esp + R_FS], 0
	jmp .fs_loaded

.work:	mov [esp + R_EAX], eax
	jmp exit_user_work

.odd_segments:
	push USER_DS
	pop ds
	push USER_DS
	pop es
	push PERCPU_SEG
	pop fs
	push eax
	mov eax, [fs:current_task]
	lock or dword [eax + TASK_WORK], WORK_FULL_RESTORE
	pop eax
	jmp .dispatch

.unknown:
	mov eax, esp
	call sys_unknown
	jmp .done

; ---------------------------------------------------------------------------------------------- sysenter --------------
; Interrupts off, esp = this CPU's TSS (vdso.c), ebp = the user's esp, where ebp was pushed.
%macro SYSENTER_FRAME 1                 ; flags to add
	mov esp, [esp + TSS_ESP0]
	push USER_DS
	push ebp
	pushfd
	or dword [esp], EFLAGS_IF | %1
	push USER_CS
	push VDSO_LANDING
	push eax
	PUSH_REGS
%endmacro

	align 64
sysenter_entry:
	SYSENTER_FRAME 0
	test byte [esp + R_EFLAGS + 1], EFLAGS_NT >> 8
	jnz .clear_nt
.segments:
	cmp word [esp + R_DS], USER_DS
	jne .odd_segments
	cmp word [esp + R_ES], USER_DS
	jne .odd_segments
	push PERCPU_SEG
	pop fs
.ready:
	sti
	cmp ebp, USER_LAST_WORD
	ja .no_stack
.load_ebp:
	mov ebp, [ebp]
	mov [esp + R_EBP], ebp
	cmp eax, [nr_syscalls]
	jae .unknown
	push ebp
	push edi
	push esi
	mov esi, [syscall_table + eax * 4]
	mov eax, ebx
	xchg ecx, edx
	call esi
	add esp, 12
.done:
	cli
	mov ecx, [fs:current_task]
	cmp dword [ecx + TASK_WORK], 0
	jne .work
	mov esi, [esp + R_ESI]
.load_fs:
	mov fs, [esp + R_FS]
.fs_loaded:
	mov edx, VDSO_LANDING           ; ecx, edx and ebp are popped there; arithmetic flags are nobody's after a call
	mov ecx, [esp + R_ESP]
	sti                             ; takes effect behind the next instruction
	sysexit
	EX_TABLE .load_ebp, .no_stack
	EX_TABLE .load_fs, .bad_fs
.bad_fs:
	mov dword [esp + R_FS], 0
	jmp .fs_loaded
.work:	mov [esp + R_EAX], eax
	jmp exit_user_work
.unknown:
	mov eax, esp
	call sys_unknown
	jmp .done
.no_stack:                              ; the sixth argument cannot be read
	mov eax, -14                    ; EFAULT
	jmp .done
.clear_nt:                              ; a gate would have: iret with it set would be a task switch
	push 2
	popfd
	jmp .segments
.odd_segments:
	push USER_DS
	pop ds
	push USER_DS
	pop es
	push PERCPU_SEG
	pop fs
	push eax
	mov eax, [fs:current_task]
	lock or dword [eax + TASK_WORK], WORK_FULL_RESTORE
	pop eax
	jmp .ready

sysenter_stepped:                       ; from do_trap: a single-stepped program entered, TF is off again
	SYSENTER_FRAME EFLAGS_TF
	push 2
	popfd
	jmp sysenter_entry.odd_segments ; back with iret, which sets TF again

; ---------------------------------------------------------------------------------------------- page faults -----------
	align 64
page_fault_entry:                       ; the error code stands where orig_eax belongs
	PUSH_REGS
	mov ecx, cr2
	KERNEL_SEGMENTS
	mov edx, [esp + R_ORIG]
	mov dword [esp + R_ORIG], -1
	mov eax, esp
	call do_page_fault              ; (regs, error, address)
	test byte [esp + R_CS], 3
	jnz exit_user
	cli

; ---------------------------------------------------------------------------------------------- back to the kernel -----
exit_kernel:
	POP_REGS
	cmp word [esp], USER_DS
	jne pop_segments
	cmp word [esp + 4], USER_DS
	jne pop_segments
	cmp word [esp + 8], PERCPU_SEG
	jne pop_segments
	add esp, 16
	iret

; ---------------------------------------------------------------------------------------------- back to user mode ------
exit_user:                              ; a whole struct regs on the stack
	cli
	mov ecx, [fs:current_task]
	cmp dword [ecx + TASK_WORK], 0
	jne exit_user_work
restore_user:
	POP_REGS
	cmp word [esp], USER_DS
	jne pop_segments
	cmp word [esp + 4], USER_DS
	jne pop_segments
	add esp, 8
	jmp pop_segments.fs
pop_segments:
.ds:	pop ds
.es:	pop es
.fs:	pop fs
	add esp, 4
.iret:	iret
	EX_TABLE .ds, .bad_ds
	EX_TABLE .es, .bad_es
	EX_TABLE .fs, .bad_fs
	EX_TABLE .iret, bad_iret
.bad_ds:
	mov dword [esp], 0
	jmp .ds
.bad_es:
	mov dword [esp], 0
	jmp .es
.bad_fs:
	mov dword [esp], 0
	jmp .fs

exit_user_work:
	mov eax, esp
	call do_exit_work               ; returns with interrupts off and no work left
	jmp restore_user

bad_iret:                               ; iret refused the user's frame, which is still on the stack
	push -1
	PUSH_REGS
	KERNEL_SEGMENTS
	mov eax, esp
	call do_bad_iret
	jmp exit_user

; ---------------------------------------------------------------------------------------------- interrupts -------------
	align 16
irq_common:
	PUSH_REGS
	KERNEL_SEGMENTS
	mov eax, esp
	call do_irq
	test byte [esp + R_CS], 3
	jz exit_kernel
	mov ecx, [fs:current_task]
	cmp dword [ecx + TASK_WORK], 0
	jne exit_user_work
	jmp restore_user

; ---------------------------------------------------------------------------------------------- exceptions -------------
	align 16
trap_common:                            ; pushed so far: error code, fs, es, ds, eax; al = vector
	push ebp
	push edi
	push esi
	push edx
	push ecx
	push ebx
	cld
	movzx ebx, al
	KERNEL_SEGMENTS
	mov eax, esp
	mov edx, ebx
	mov ecx, [esp + R_ORIG]
	mov dword [esp + R_ORIG], -1
	call do_trap                    ; (regs, vector, error)
	test byte [esp + R_CS], 3
	jnz exit_user
	cli
	jmp exit_kernel

double_fault_entry:                     ; a task of its own; the interrupted registers are in this CPU's TSS
	cld
	call do_double_fault
	hlt
	jmp double_fault_entry

; Vectors 8, 10-14, 17, 21, 29 and 30 come with an error code. Each stub is 16 bytes long.
	align 16
trap_stubs:
%assign v 0
%rep 256
	align 16
  %if v < 32
    %if !(v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30)
	push 0
    %endif
    %if v == 14
	jmp page_fault_entry
    %else
	push fs
	push es
	push ds
	push eax
	mov al, v
	jmp trap_common
    %endif
  %else
	push dword -1 - v               ; do_irq: vector = ~orig_eax
	jmp irq_common
  %endif
%assign v v + 1
%endrep

; ---------------------------------------------------------------------------------------------- tasks ------------------
; switch_stack(eax = where prev keeps its esp, edx = next's esp, ecx = prev): returns prev, in next
	align 16
switch_stack:
	push ebp
	push ebx
	push esi
	push edi
	mov [eax], esp
	mov esp, edx
	pop edi
	pop esi
	pop ebx
	pop ebp
	mov eax, ecx
	ret

; First moments of a kernel thread: ebx = function, esi = argument. If it returns, exec has made a program of it.
kthread_entry:
	call sched_tail
	mov eax, esi
	call ebx
	jmp exit_user

fork_entry:                             ; of a child: its struct regs is on the stack
	call sched_tail
	jmp exit_user

section .note.GNU-stack noalloc noexec nowrite progbits
