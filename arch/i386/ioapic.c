/* SPDX-License-Identifier: MIT
 *
 * I/O APICs (82093AA and its heirs): which line raises which vector on which CPU. Lines have global numbers (GSI);
 * ISA interrupt n is GSI n unless firmware overrides it.
 *
 * Locks: lock (raw, interrupts off) around the index/data register pair.
 */
#include "arch/i386/apic.h"
#include "arch/i386/cpu.h"
#include "arch/i386/pgtable.h"
#include "arch/i386/rawlock.h"
#include "kernel/lib/printk.h"

#define MAX_IOAPICS 8 /* the fixed area has room for many; no PC of this class has more */

static struct ioapic { volatile u32 *base; u32 gsi_base, lines; } ioapics[MAX_IOAPICS];
static unsigned nr_ioapics;
static struct { u32 gsi; u16 flags; bool set; } overrides[16];
static u32 lock;

static u32 reg_read(struct ioapic *a, u32 reg) { a->base[0] = reg; return a->base[4]; }
static void reg_write(struct ioapic *a, u32 reg, u32 v) { a->base[0] = reg; a->base[4] = v; }

bool ioapic_present(void) { return nr_ioapics; }

int ioapic_add(phys_t phys, u32 gsi_base)
{
	struct ioapic *a = &ioapics[nr_ioapics];

	if (nr_ioapics == MAX_IOAPICS || !lapic_base)
		return -ENOSPC;
	a->base = fixmap_map(phys, 4096, PTE_CACHE_OFF);
	if (!a->base)
		return -ENOMEM;
	a->gsi_base = gsi_base;
	a->lines = (reg_read(a, 1) >> 16 & 255) + 1;
	nr_ioapics++;
	return 0;
}

void irq_override_add(u8 isa, u32 gsi, u16 flags)
{
	if (isa >= 16)
		return;
	overrides[isa].gsi = gsi;
	overrides[isa].flags = flags;
	overrides[isa].set = true;
}

u32 ioapic_isa_gsi(u8 isa) { return nr_ioapics && isa < 16 && overrides[isa].set ? overrides[isa].gsi : isa; }

static struct ioapic *ioapic_of(u32 gsi)
{
	for (unsigned i = 0; i < nr_ioapics; i++)
		if (gsi >= ioapics[i].gsi_base && gsi < ioapics[i].gsi_base + ioapics[i].lines)
			return &ioapics[i];
	return NULL;
}

/* Low word of the entry: polarity and trigger mode. Bus defaults, then MADT's flags (ACPI 6.4, table 5.26). */
static u32 trigger_bits(u32 gsi, bool level)
{
	bool low = level;

	for (unsigned i = 0; i < 16; i++) {
		if (!overrides[i].set || overrides[i].gsi != gsi)
			continue;
		if ((overrides[i].flags & 3) == 1 || (overrides[i].flags & 3) == 3)
			low = (overrides[i].flags & 3) == 3;
		if ((overrides[i].flags >> 2 & 3) == 1 || (overrides[i].flags >> 2 & 3) == 3)
			level = (overrides[i].flags >> 2 & 3) == 3;
	}
	return (low ? 1U << 13 : 0) | (level ? 1U << 15 : 0);
}

int ioapic_route(u32 gsi, u8 vector, unsigned c, bool level)
{
	struct ioapic *a = ioapic_of(gsi);
	unsigned long flags;
	u32 line;

	if (!a)
		return -EINVAL;
	line = gsi - a->gsi_base;
	flags = raw_lock_irqsave(&lock);
	reg_write(a, 0x10 + 2 * line, 1U << 16);
	reg_write(a, 0x11 + 2 * line, (u32)cpu_apic_id[c] << 24);
	reg_write(a, 0x10 + 2 * line, vector | trigger_bits(gsi, level));
	raw_unlock_irqrestore(&lock, flags);
	return 0;
}

void ioapic_init(void)
{
	for (unsigned i = 0; i < nr_ioapics; i++)
		for (u32 line = 0; line < ioapics[i].lines; line++)
			reg_write(&ioapics[i], 0x10 + 2 * line, 1U << 16);
}
