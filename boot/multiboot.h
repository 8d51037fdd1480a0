/* SPDX-License-Identifier: MIT
 *
 * What the loader told us, copied to safety: its own structures lie in memory that will be handed out.
 */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#include "kernel/lib/types.h"

#define MULTIBOOT_MAGIC 0x2badb002U

struct boot_module { u64 start, end; char name[64]; };
#define BOOT_MODULES 16
#define BOOT_RANGES 256
struct raw_range { u64 start, len; u32 type; }; /* type 1: RAM; anything else: not */

struct boot_info {
	char cmdline[2048];
	struct boot_module modules[BOOT_MODULES];
	unsigned nr_modules;
	struct raw_range ranges[BOOT_RANGES];
	unsigned nr_ranges, ranges_left_out, modules_left_out;
};
extern struct boot_info boot_info;
bool multiboot_read(u32 magic, u32 info); /* false: not a multiboot 1 loader */

/* boot/memmap.c */
#include "mm/phys/phys.h"
extern struct mem_range boot_ram[BOOT_RANGES];
extern unsigned boot_nr_ram;
u64 boot_lowmem_top(void);     /* end of RAM below 896 MB */
void memmap_check(void);       /* boot_info.ranges to boot_ram: sorted, disjoint, within the CPU's reach */

#endif
