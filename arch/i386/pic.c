/* SPDX-License-Identifier: MIT
 *
 * The two 8259A interrupt controllers. With an I/O APIC they are moved out of the exceptions' vectors and masked;
 * without one they deliver every device interrupt.
 */
#include "arch/i386/apic.h"
#include "arch/i386/cpu.h"
#include "arch/i386/io.h"
#include "arch/i386/segment.h"

#define PIC1 0x20
#define PIC2 0xa0
static u16 mask = 0xffff;

static void write_mask(void)
{
	outb(PIC1 + 1, mask & 255);
	outb(PIC2 + 1, mask >> 8);
}

void pic_init(void)
{
	static const u8 words[2][4] = { { 0x11, VECTOR_PIC, 4, 1 }, { 0x11, VECTOR_PIC + 8, 2, 1 } };

	for (unsigned i = 0; i < 4; i++) {
		outb(PIC1 + !!i, words[0][i]);
		io_delay();
		outb(PIC2 + !!i, words[1][i]);
		io_delay();
	}
	mask = 0xffff;
	write_mask();
}

void pic_unmask(unsigned irq)
{
	unsigned long flags;

	local_irq_save(flags);
	mask &= ~(1U << irq);
	if (irq >= 8)
		mask &= ~4U;
	write_mask();
	local_irq_restore(flags);
}

/* Lines 7 and 15 also stand for "it went away before you asked": then the in-service bit is clear. */
bool pic_spurious(unsigned irq)
{
	u16 port = irq >= 8 ? PIC2 : PIC1;

	if ((irq & 7) != 7)
		return false;
	outb(port, 0x0b);
	if (inb(port) & 0x80)
		return false;
	if (irq == 15)
		outb(PIC1, 0x62);
	return true;
}

void pic_eoi(unsigned irq)
{
	if (irq >= 8) {
		outb(PIC2, 0x60 | (irq & 7));
		outb(PIC1, 0x62);
	} else {
		outb(PIC1, 0x60 | irq);
	}
}
