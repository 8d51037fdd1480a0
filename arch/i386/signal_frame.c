/* SPDX-License-Identifier: MIT
 *
 * Signal frames on the user's stack, byte for byte as programs for Linux/i386 expect them (unwinders and debuggers read
 * them), and the way back by sigreturn.
 *
 *   struct frame      for handlers without SA_SIGINFO          struct rt_frame   with it
 *     return address, signal number                              return address, signal number, &info, &context
 *     struct sigcontext                                          siginfo, ucontext (sigcontext, mask)
 *     FPU state, elsewhere above it on the stack: 112 bytes as FSAVE writes them, then 512 as FXSAVE does
 *
 * A handler returns to SA_RESTORER's function. Where a program gives none, as the C library does when it has found a vDSO,
 * it is __kernel_sigreturn or __kernel_rt_sigreturn there.
 */
#include "arch/i386/cpu.h"
#include "arch/i386/fpu.h"
#include "arch/i386/offsets.h"
#include "arch/i386/segment.h"
#include "arch/i386/thread.h"
#include "arch/i386/traps.h"
#include "arch/i386/uaccess.h"
#include "arch/i386/vdso.h"
#include <asm/signal.h>
#include <asm/sigcontext.h>
#include <asm/unistd.h>

struct fsave_area { u32 cwd, swd, twd, fip, fcs, foo, fos; u8 st[8][10]; };
struct fx_area {
	u16 cwd, swd, twd, fop;
	u32 fip, fcs, foo, fos, mxcsr, mxcsr_mask;
	struct { u8 reg[10]; u8 pad[6]; } st[8];
	u8 rest[FPU_AREA_SIZE - 160];
};
static_assert(sizeof(struct fsave_area) == 108 && sizeof(struct fx_area) == 512, "SDM 1, figures 8-9 and table 10-2");
struct fpstate { struct fsave_area fsave; u16 status, magic; struct fx_area fx; }; /* magic 0: fx is valid */

struct context { /* asm/sigcontext.h names it, but drags in user-space types */
	u16 gs, _gs, fs, _fs, es, _es, ds, _ds;
	u32 edi, esi, ebp, esp, ebx, edx, ecx, eax, trapno, err, eip;
	u16 cs, _cs;
	u32 eflags, esp_at_signal;
	u16 ss, _ss;
	u32 fpstate, oldmask, cr2;
};
static_assert(sizeof(struct context) == sizeof(struct sigcontext_32), "");
struct altstack { u32 sp; s32 flags; u32 size; };
struct frame { u32 ret; s32 sig; struct context sc; u8 unused[624]; u32 extramask; u8 code[8]; };
struct rt_frame {
	u32 ret; s32 sig; u32 pinfo, puc; u8 info[128];
	struct { u32 flags, link; struct altstack stack; struct context sc; u32 mask[2]; } uc;
	u8 code[8];
};

#define FIX_EFLAGS (EFLAGS_AC | 0x800 | EFLAGS_DF | EFLAGS_TF | 0xd5 | 0x10000)

static inline u32 read_gs(void) { u32 v; __asm__ volatile("movl %%gs, %0" : "=r"(v)); return v; }
static inline void load_gs(u32 v)
{
	__asm__ volatile("1:\tmovl %0, %%gs\n\tjmp 3f\n2:\tmovl %1, %%gs\n3:\n" EX_TABLE("1b", "2b") : : "r"(v), "r"(0));
}

/* --- FPU state ------------------------------------------------------------------------------------------------------------- */
/* FXSAVE's tag is one bit a register (1: in use), FSAVE's two (3: empty, 0: valid enough). */
static u32 tag_to_fsave(u8 tag)
{
	u32 t = 0;

	for (int i = 0; i < 8; i++)
		t |= (tag >> i & 1 ? 0U : 3U) << 2 * i;
	return t | 0xffff0000;
}

static u8 tag_from_fsave(u32 tag)
{
	u8 t = 0;

	for (int i = 0; i < 8; i++)
		t |= ((tag >> 2 * i & 3) != 3) << i;
	return t;
}

static void fsave_from_fx(struct fsave_area *f, const struct fx_area *x)
{
	f->cwd = x->cwd | 0xffff0000;
	f->swd = x->swd | 0xffff0000;
	f->twd = tag_to_fsave(x->twd);
	f->fip = x->fip;
	f->fcs = (x->fcs & 0xffff) | (u32)x->fop << 16;
	f->foo = x->foo;
	f->fos = x->fos | 0xffff0000;
	for (int i = 0; i < 8; i++)
		__builtin_memcpy(f->st[i], x->st[i].reg, 10);
}

static void fsave_to_fx(struct fx_area *x, const struct fsave_area *f)
{
	x->cwd = f->cwd;
	x->swd = f->swd;
	x->twd = tag_from_fsave(f->twd);
	x->fip = f->fip;
	x->fop = f->fcs >> 16;
	x->fcs = f->fcs & 0xffff;
	x->foo = f->foo;
	x->fos = f->fos & 0xffff;
	for (int i = 0; i < 8; i++)
		__builtin_memcpy(x->st[i].reg, f->st[i], 10);
}

/* => new stack pointer; *where: address of the state, 0 if current never used the unit; 1 (odd): -EFAULT */
static u32 push_fpu(u32 sp, u32 *where)
{
	struct fx_area *x = fpu_area_sync();
	struct fpstate *to;
	struct fsave_area f;

	*where = 0;
	if (!x)
		return sp;
	sp = ((sp - FPU_AREA_SIZE) & ~63U) - 112; /* the FXSAVE part on a boundary of 64 */
	to = (struct fpstate *)sp;
	if (!cpu.fxsr) {
		if (copy_to_user(to, x, 108) || put_user((u16)((u32 *)x)[1], &to->status) || put_user((u16)0xffff, &to->magic))
			return 1;
	} else {
		fsave_from_fx(&f, x);
		if (copy_to_user(&to->fsave, &f, sizeof(f)) || put_user(x->swd, &to->status) ||
		    put_user((u16)0, &to->magic) || copy_to_user(&to->fx, x, sizeof(*x)))
			return 1;
	}
	*where = sp;
	return sp;
}

static u32 mxcsr_mask(const struct fx_area *x) { return x->mxcsr_mask ?: 0xffbf; }

/* Registers of the program's frame, checked: mxcsr must have no reserved bit, or FXRSTOR faults. */
static int read_fpstate(const struct fpstate *p, struct fx_area *x, const struct fx_area *now)
{
	struct fsave_area f;
	u16 magic;

	if (get_user(magic, &p->magic) || copy_from_user(&f, &p->fsave, sizeof(f)))
		return -EFAULT;
	if (!cpu.fxsr) {
		__builtin_memcpy(x, &f, sizeof(f));
		return 0;
	}
	if (magic)
		*x = *now;
	else if (copy_from_user(x, &p->fx, sizeof(*x)))
		return -EFAULT;
	x->mxcsr_mask = now->mxcsr_mask;
	x->mxcsr &= mxcsr_mask(now);
	fsave_to_fx(x, &f);
	return 0;
}

static int pop_fpu(u32 from)
{
	struct fx_area *area, x;

	if (!from) {
		fpu_drop(task_arch(this_cpu_read_stable(current_task)), true);
		return 0;
	}
	area = fpu_area_for_load();
	if (!area || read_fpstate((const void *)from, &x, area))
		return -EFAULT;
	this_cpu_inc(preempt_count); /* a switch in between would save the old registers over it */
	*area = x;
	fpu_area_load();
	this_cpu_dec(preempt_count);
	return 0;
}

/* --- building ------------------------------------------------------------------------------------------------------------------ */
static void fill_context(struct context *c, const struct regs *r, u32 fpstate, u32 oldmask)
{
	const struct arch_thread *t = task_arch(this_cpu_read_stable(current_task));

	*c = (struct context){ .gs = read_gs(), .fs = r->fs, .es = r->es, .ds = r->ds, .edi = r->edi, .esi = r->esi,
		.ebp = r->ebp, .esp = r->esp, .ebx = r->ebx, .edx = r->edx, .ecx = r->ecx, .eax = r->eax, .trapno = t->trapno,
		.err = t->error, .eip = r->eip, .cs = r->cs, .eflags = r->eflags, .esp_at_signal = r->esp, .ss = r->ss,
		.fpstate = fpstate, .oldmask = oldmask, .cr2 = t->cr2 };
}

/* popl %eax (not for rt); movl $nr, %eax; int $0x80: never run, but unwinders know a signal frame by it */
static void fill_code(u8 code[8], bool rt)
{
	static const u8 plain[8] = { 0x58, 0xb8, __NR_sigreturn, 0, 0, 0, 0xcd, 0x80 };
	static const u8 rt_code[8] = { 0xb8, __NR_rt_sigreturn, 0, 0, 0, 0xcd, 0x80, 0 };

	__builtin_memcpy(code, rt ? rt_code : plain, 8);
}

static u32 align_frame(u32 sp, u32 size) { return ((sp - size + 4) & ~15U) - 4; }

static int push_plain(u32 sp, u32 fpstate, const struct regs *r, const struct signal_frame *f, u32 ret)
{
	struct frame *to = (struct frame *)sp;
	struct context c;
	u8 code[8];

	fill_context(&c, r, fpstate, f->mask[0]);
	fill_code(code, false);
	return put_user(ret ?: VDSO_SIGRETURN, &to->ret) || put_user(f->sig, &to->sig) || copy_to_user(&to->sc, &c, sizeof(c)) ||
	       put_user(f->mask[1], &to->extramask) || copy_to_user(to->code, code, 8) ? -EFAULT : 0;
}

static int push_rt(u32 sp, u32 fpstate, const struct regs *r, const struct signal_frame *f, u32 ret)
{
	struct rt_frame *to = (struct rt_frame *)sp, k;

	k.ret = ret ?: VDSO_RT_SIGRETURN;
	k.sig = f->sig;
	k.pinfo = (u32)to->info;
	k.puc = (u32)&to->uc;
	__builtin_memcpy(k.info, f->siginfo, 128);
	k.uc.flags = k.uc.link = 0;
	k.uc.stack = (struct altstack){ f->altstack_sp, f->altstack_flags, f->altstack_size };
	fill_context(&k.uc.sc, r, fpstate, f->mask[0]);
	k.uc.mask[0] = f->mask[0];
	k.uc.mask[1] = f->mask[1];
	fill_code(k.code, true);
	return copy_to_user(to, &k, sizeof(k)) ? -EFAULT : 0;
}

int signal_frame_push(struct regs *regs, const struct signal_frame *f)
{
	bool rt = f->flags & SA_SIGINFO;
	u32 fpstate, sp = push_fpu(f->stack, &fpstate), ret = f->flags & SA_RESTORER ? f->restorer : 0;
	int err;

	if (sp == 1)
		return -EFAULT;
	sp = align_frame(sp, rt ? sizeof(struct rt_frame) : sizeof(struct frame));
	err = rt ? push_rt(sp, fpstate, regs, f, ret) : push_plain(sp, fpstate, regs, f, ret);
	if (err)
		return err;
	regs->esp = sp;
	regs->eip = f->handler;
	regs->eax = f->sig;
	regs->edx = rt ? (u32)((struct rt_frame *)sp)->info : 0;
	regs->ecx = rt ? (u32)&((struct rt_frame *)sp)->uc : 0;
	regs->ds = regs->es = regs->ss = USER_DS;
	regs->cs = USER_CS;
	regs->eflags &= ~(EFLAGS_DF | EFLAGS_TF | 0x10000);
	task_set_work(this_cpu_read_stable(current_task), WORK_FULL_RESTORE);
	return 0;
}

/* --- and back ------------------------------------------------------------------------------------------------------------------- */
static void restore_context(struct regs *r, const struct context *c)
{
	*r = (struct regs){ .ebx = c->ebx, .ecx = c->ecx, .edx = c->edx, .esi = c->esi, .edi = c->edi, .ebp = c->ebp,
		.eax = c->eax, .ds = c->ds, .es = c->es, .fs = c->fs, .orig_eax = -1, .eip = c->eip, .cs = c->cs | 3,
		.eflags = (r->eflags & ~FIX_EFLAGS) | (c->eflags & FIX_EFLAGS), .esp = c->esp, .ss = c->ss | 3 };
	load_gs(c->gs);
	task_set_work(this_cpu_read_stable(current_task), WORK_FULL_RESTORE);
}

int signal_frame_pop(struct regs *regs, bool rt, u32 mask[2], void *altstack)
{
	const struct frame *f = (const void *)(regs->esp - 8);
	const struct rt_frame *rf = (const void *)(regs->esp - 4);
	struct context c;

	if (copy_from_user(&c, rt ? &rf->uc.sc : &f->sc, sizeof(c)))
		return -EFAULT;
	if (rt ? copy_from_user(mask, rf->uc.mask, 8) || copy_from_user(altstack, &rf->uc.stack, sizeof(struct altstack)) :
		 get_user(mask[1], &f->extramask))
		return -EFAULT;
	if (!rt)
		mask[0] = c.oldmask;
	if (pop_fpu(c.fpstate))
		return -EFAULT;
	restore_context(regs, &c);
	return 0;
}
