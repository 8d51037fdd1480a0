/* SPDX-License-Identifier: MIT
 *
 * The way up a kernel stack, without frame pointers: for each call the kernel knows how far above its return address the
 * next one lies (tools/mksyms.py, from the compiler's own debug information).
 *
 * Where assembler took over, the table ends. An interrupt or a fault of the kernel's left its registers there, and from those it
 * goes on; but what was interrupted may stand anywhere in its function, for which there is no entry. Its caller is
 * searched for: the first word above that is the return address of a call, and from which the table leads to the end. A
 * word that an earlier call left behind can pass that test, so it is marked.
 *
 * Nothing is believed: every word that is read lies in the stack, whatever it says.
 */
#include "arch/i386/stack.h"
#include "arch/i386/offsets.h"
#include "arch/i386/pgtable.h"
#include "arch/i386/segment.h"
#include "kernel/lib/vsprintf.h"

extern char text_start[], text_end[], init_text_start[], init_text_real_end[];

enum step { LOST, ENDED, WENT };

static bool is_text(u32 a)
{
	return (a >= (u32)text_start && a < (u32)text_end) || (a >= (u32)init_text_start && a < (u32)init_text_real_end);
}

static u32 word(u32 at) { return READ_ONCE(*(u32 *)at); }
static bool inside(const struct stack_walk *w, u32 at) { return at >= w->low && at < w->high && !(at & 3); }

/* From addr to the next. => ENDED: assembler called; or the way leads over a frame pointer that we do not have */
static enum step step(struct stack_walk *w)
{
	struct call_site c;
	u32 next;

	if (!symbol_call(w->addr, &c))
		return LOST;
	if (c.frame == FRAME_UNKNOWN || (c.frame == FRAME_BY_EBP && !w->ebp))
		return ENDED;
	next = c.frame == FRAME_BY_EBP ? w->ebp + 4 : w->at + (c.frame >> 1) * 4;
	if (next <= w->at || !inside(w, next))
		return LOST;
	if (c.frame == FRAME_BY_EBP || c.frame & FRAME_SAVES_EBP)
		w->ebp = word(next - 4);
	w->at = next;
	w->addr = word(next);
	return WENT;
}

static bool leads_to_the_end(struct stack_walk w)
{
	enum step s;

	while ((s = step(&w)) == WENT)
		;
	return s == ENDED;
}

/* In a debug build each function has a frame pointer, once it is under way. */
static void try_frame_pointer(struct stack_walk *w, u32 ebp)
{
#ifdef CONFIG_DEBUG
	if (ebp < w->at || !inside(w, ebp + 4) || !is_text(word(ebp + 4)))
		return;
	w->ebp = word(ebp);
	w->addr = word(ebp + 4);
	w->at = ebp + 4;
#endif
}

static bool search(struct stack_walk *w)
{
	for (w->ebp = 0; inside(w, w->at); w->at += 4) {
		w->addr = word(w->at);
		if (is_text(w->addr) && leads_to_the_end(*w))
			return true;
	}
	w->addr = 0;
	return false;
}

/* Do registers of the kernel's lie right above the return address into assembler? */
static const struct regs *interrupted(const struct stack_walk *w)
{
	const struct regs *r = (const struct regs *)(w->at + 4);

	return inside(w, (u32)&r->eflags) && (u16)r->cs == KERNEL_CS && is_text(r->eip) ? r : NULL;
}

static void advance(struct stack_walk *w)
{
	enum step s = step(w);

	if (s == WENT)
		return;
	w->regs = s == ENDED ? interrupted(w) : NULL;
	w->addr = 0;
	w->at = w->regs ? (u32)&w->regs->esp : w->at + 4;
}

static u32 advance_regs(struct stack_walk *w)
{
	const struct regs *r = w->regs;

	w->regs = NULL;
	try_frame_pointer(w, r->ebp);
	return r->eip;
}

u32 stack_next(struct stack_walk *w, enum stack_mark *mark)
{
	u32 addr;

	if (w->regs) {
		*mark = STACK_INTERRUPTED;
		return advance_regs(w);
	}
	if (w->addr && !is_text(w->addr)) /* overwritten */
		w->addr = 0;
	*mark = w->addr ? STACK_FOLLOWED : STACK_SEARCHED;
	if (!w->addr && !search(w))
		return 0;
	addr = w->addr;
	advance(w);
	return addr;
}

/* --- where to begin ------------------------------------------------------------------------------------------------------- */
static void set_stack(struct stack_walk *w, u32 esp)
{
	*w = (struct stack_walk){ .at = esp };
	if (esp < PAGE_OFFSET || esp >= VMALLOC_START || esp & 3)
		return;
	w->low = esp;
	w->high = (esp & ~(KERNEL_STACK_SIZE - 1)) + KERNEL_STACK_SIZE;
}

/* switch_stack pushed ebp, ebx, esi, edi. The registers at the top are user mode's. */
void stack_walk_task(struct stack_walk *w, struct task *t)
{
	set_stack(w, task_arch(t)->esp);
	w->high = min(w->high, (u32)task_regs(task_stack(t)));
	w->at = w->low + 16;
	if (!inside(w, w->at))
		return;
	w->addr = word(w->at);
	w->ebp = word(w->low + 12);
}

void stack_walk_regs(struct stack_walk *w, const struct regs *r, u32 esp)
{
	set_stack(w, esp);
	w->regs = r;
}

noinline void stack_walk_here(struct stack_walk *w)
{
	const u32 *frame = __builtin_frame_address(0);

	set_stack(w, (u32)frame);
	w->ebp = frame[0];
	w->addr = frame[1];
	w->at = (u32)&frame[1];
}
