/* SPDX-License-Identifier: MIT
 *
 * PCI: configuration space and the list of what is on the buses.
 */
#ifndef DRIVERS_BUS_PCI_H
#define DRIVERS_BUS_PCI_H

#include "kernel/lib/types.h"

/* bus << 16 | device << 11 | function << 8, as the address port wants it */
#define PCI_ADDRESS(bus, dev, fn) ((u32)(bus) << 16 | (u32)(dev) << 11 | (u32)(fn) << 8)

#define PCI_VENDOR 0x00
#define PCI_DEVICE 0x02
#define PCI_COMMAND 0x04
#define PCI_STATUS 0x06
#define PCI_CLASS 0x08 /* revision, interface, subclass, class */
#define PCI_HEADER_TYPE 0x0e
#define PCI_BAR0 0x10
#define PCI_SECONDARY_BUS 0x19
#define PCI_SUBSYSTEM_VENDOR 0x2c
#define PCI_CAPABILITIES 0x34
#define PCI_INTERRUPT_LINE 0x3c
#define PCI_INTERRUPT_PIN 0x3d
enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4, PCI_COMMAND_NO_INTX = 0x400 };

struct pci_bar { u64 start; u64 size; bool io, prefetch, wide; }; /* size 0: not there. wide: takes the next one as well */
struct pci_device {
	u32 address;
	u16 vendor, device, subsystem_vendor, subsystem;
	u8 class, subclass, interface, revision;
	u8 header;           /* 0 device, 1 bridge */
	u8 pin;              /* 0 none, 1..4 = INTA..INTD */
	u8 gsi;              /* for request_irq(), level; 255: none */
	struct pci_bar bar[6];
	struct pci_device *next;
};

u8 pci_read8(u32 address, unsigned reg);
u16 pci_read16(u32 address, unsigned reg);
u32 pci_read32(u32 address, unsigned reg);
void pci_write8(u32 address, unsigned reg, u8 v);
void pci_write16(u32 address, unsigned reg, u16 v);
void pci_write32(u32 address, unsigned reg, u32 v);

int pci_init(void); /* finds them all; 0, -ENODEV, -ENOMEM. After phys_init */
/* The next device after `from` (NULL: the first) that matches; PCI_ANY matches all */
#define PCI_ANY (~0U)
struct pci_device *pci_find(struct pci_device *from, u32 vendor, u32 device);
struct pci_device *pci_find_class(struct pci_device *from, u32 class, u32 subclass);
#define for_each_pci_device(d) for (struct pci_device *d = pci_find(NULL, PCI_ANY, PCI_ANY); d; d = pci_find(d, PCI_ANY, PCI_ANY))
void pci_enable(struct pci_device *d, bool master); /* decoding of its BARs, bus mastering */
/* => BAR's registers, mapped uncached for good; NULL: no such memory BAR, or no room */
volatile void *pci_map_bar(struct pci_device *d, unsigned n);
u8 pci_find_capability(const struct pci_device *d, u8 id, u8 after); /* => offset in configuration space, 0: none */

#endif
