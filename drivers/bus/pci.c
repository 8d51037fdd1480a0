/* SPDX-License-Identifier: MIT
 *
 * PCI through configuration mechanism 1 (PCI Local Bus Specification 3.0, 3.2.2.3): two I/O ports. Firmware has numbered
 * the buses and placed the BARs; here they are only read.
 *
 * Interrupts: each function's INTERRUPT_LINE register holds what firmware routed its pin to. On the PCs that we run on
 * (PIIX and its emulations) the I/O APIC has these lines at the same numbers. What it cannot do: machines whose I/O APIC
 * routing differs, which would take an interpreter for ACPI's _PRT.
 *
 * Locks: config_lock (interrupts off) around the port pair. The device list is made at boot and never changes.
 */
#include "drivers/bus/pci.h"
#include "arch/i386/io.h"
#include "kernel/lib/printk.h"
#include "kernel/sync/spinlock.h"
#include "mm/phys/phys.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define ENABLE 0x80000000U

static DEFINE_SPINLOCK(config_lock);
static struct pci_device *devices, **last = &devices;

/* --- configuration space ------------------------------------------------------------------------------------------------- */
#define CONFIG_READ(bits, in)                                                              \
	u##bits pci_read##bits(u32 address, unsigned reg)                                  \
	{                                                                                  \
		unsigned long flags;                                                       \
		u##bits v;                                                                 \
                                                                                           \
		spin_lock_irqsave(&config_lock, flags);                                    \
		outl(CONFIG_ADDRESS, ENABLE | address | (reg & 0xfc));                     \
		v = in(CONFIG_DATA + (reg & 3));                                           \
		spin_unlock_irqrestore(&config_lock, flags);                               \
		return v;                                                                  \
	}
#define CONFIG_WRITE(bits, out)                                                            \
	void pci_write##bits(u32 address, unsigned reg, u##bits v)                         \
	{                                                                                  \
		unsigned long flags;                                                       \
                                                                                           \
		spin_lock_irqsave(&config_lock, flags);                                    \
		outl(CONFIG_ADDRESS, ENABLE | address | (reg & 0xfc));                     \
		out(CONFIG_DATA + (reg & 3), v);                                           \
		spin_unlock_irqrestore(&config_lock, flags);                               \
	}
CONFIG_READ(8, inb)
CONFIG_READ(16, inw)
CONFIG_READ(32, inl)
CONFIG_WRITE(8, outb)
CONFIG_WRITE(16, outw)
CONFIG_WRITE(32, outl)

/* --- finding devices -------------------------------------------------------------------------------------------------------- */
/* Writes all ones and sees which bits stick. Decoding is off meanwhile. => the size mask's low word */
static u32 probe_bar(u32 address, unsigned reg, u32 old)
{
	u32 mask;

	pci_write32(address, reg, ~0U);
	mask = pci_read32(address, reg);
	pci_write32(address, reg, old);
	return mask;
}

/* => true: it was 64 bits wide, the next register belongs to it */
static bool read_bar(struct pci_device *d, unsigned n)
{
	unsigned reg = PCI_BAR0 + 4 * n;
	u32 low = pci_read32(d->address, reg), mask = probe_bar(d->address, reg, low), high, high_mask = ~0U;
	struct pci_bar *b = &d->bar[n];

	if (!mask || mask == ~0U)
		return false;
	b->io = low & 1;
	if (b->io) {
		b->start = low & ~3U;
		b->size = (u16)~(mask & ~3U) + 1;
		return false;
	}
	b->prefetch = low & 8;
	b->wide = (low & 6) == 4 && n < 5;
	b->start = low & ~15U;
	if (b->wide) {
		high = pci_read32(d->address, reg + 4);
		high_mask = probe_bar(d->address, reg + 4, high);
		b->start |= (u64)high << 32;
	}
	b->size = ~((u64)high_mask << 32 | (mask & ~15U)) + 1;
	return b->wide;
}

static void read_bars(struct pci_device *d)
{
	u16 command = pci_read16(d->address, PCI_COMMAND);
	unsigned bars = d->header == 0 ? 6 : d->header == 1 ? 2 : 0;

	pci_write16(d->address, PCI_COMMAND, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (unsigned n = 0; n < bars; n++)
		if (read_bar(d, n))
			n++;
	pci_write16(d->address, PCI_COMMAND, command);
}

static int add_device(u32 address)
{
	struct pci_device *d = kzalloc(sizeof(*d), GFP_KERNEL);
	u32 class = pci_read32(address, PCI_CLASS), id = pci_read32(address, PCI_VENDOR);
	u32 sub = pci_read32(address, PCI_SUBSYSTEM_VENDOR);
	u8 line = pci_read8(address, PCI_INTERRUPT_LINE);

	if (!d)
		return -ENOMEM;
	d->address = address;
	d->vendor = id;
	d->device = id >> 16;
	d->subsystem_vendor = sub;
	d->subsystem = sub >> 16;
	d->class = class >> 24;
	d->subclass = class >> 16;
	d->interface = class >> 8;
	d->revision = class;
	d->header = pci_read8(address, PCI_HEADER_TYPE) & 0x7f;
	d->pin = pci_read8(address, PCI_INTERRUPT_PIN);
	d->gsi = d->pin && line > 0 && line < 24 ? line : 255;
	/* A host bridge's BARs decode memory itself: leave them alone. */
	if (d->class != 6 || d->subclass != 0)
		read_bars(d);
	*last = d;
	last = &d->next;
	return 0;
}

static int scan_bus(unsigned bus, unsigned depth);

static int scan_function(u32 address, unsigned bus, unsigned depth)
{
	int err = add_device(address);
	u8 secondary;

	if (err || (pci_read8(address, PCI_HEADER_TYPE) & 0x7f) != 1)
		return err;
	secondary = pci_read8(address, PCI_SECONDARY_BUS);
	return secondary > bus && depth < 8 ? scan_bus(secondary, depth + 1) : 0;
}

static int scan_bus(unsigned bus, unsigned depth)
{
	for (unsigned slot = 0; slot < 32; slot++) {
		u32 first = PCI_ADDRESS(bus, slot, 0);
		unsigned functions;

		if (pci_read16(first, PCI_VENDOR) == 0xffff)
			continue;
		functions = pci_read8(first, PCI_HEADER_TYPE) & 0x80 ? 8 : 1;
		for (unsigned fn = 0; fn < functions; fn++) {
			u32 a = PCI_ADDRESS(bus, slot, fn);
			int err = pci_read16(a, PCI_VENDOR) == 0xffff ? 0 : scan_function(a, bus, depth);

			if (err)
				return err;
		}
	}
	return 0;
}

int pci_init(void)
{
	outl(CONFIG_ADDRESS, ENABLE);
	if (inl(CONFIG_ADDRESS) != ENABLE) {
		pr_warn("PCI: none\n");
		return -ENODEV;
	}
	return scan_bus(0, 0);
}

struct pci_device *pci_find(struct pci_device *from, u32 vendor, u32 device)
{
	struct pci_device *d = from ? from->next : devices;

	while (d && !((vendor == PCI_ANY || d->vendor == vendor) && (device == PCI_ANY || d->device == device)))
		d = d->next;
	return d;
}

struct pci_device *pci_find_class(struct pci_device *from, u32 class, u32 subclass)
{
	struct pci_device *d = from ? from->next : devices;

	while (d && !(d->class == class && (subclass == PCI_ANY || d->subclass == subclass)))
		d = d->next;
	return d;
}

/* --- using one ----------------------------------------------------------------------------------------------------------------- */
void pci_enable(struct pci_device *d, bool master)
{
	u16 command = pci_read16(d->address, PCI_COMMAND) & ~PCI_COMMAND_NO_INTX;

	pci_write16(d->address, PCI_COMMAND, command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY | (master ? PCI_COMMAND_MASTER : 0));
}

volatile void *pci_map_bar(struct pci_device *d, unsigned n)
{
	const struct pci_bar *b = &d->bar[n];

	if (n > 5 || !b->size || b->io || b->size > MB(16))
		return NULL;
	return vmap_phys(b->start, (size_t)b->size, PTE_CACHE_OFF);
}

u8 pci_find_capability(const struct pci_device *d, u8 id, u8 after)
{
	u8 at = after ? pci_read8(d->address, after + 1) : pci_read8(d->address, PCI_CAPABILITIES);

	if (!(pci_read16(d->address, PCI_STATUS) & 0x10))
		return 0;
	for (unsigned n = 0; at >= 0x40 && n < 48; n++) {
		if (pci_read8(d->address, at & 0xfc) == id)
			return at & 0xfc;
		at = pci_read8(d->address, (at & 0xfc) + 1);
	}
	return 0;
}
