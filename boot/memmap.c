/* SPDX-License-Identifier: MIT
 *
 * The memory map, trusted only after checking. Firmware's list may be unsorted, may overlap itself, may hold nonsense,
 * and may reach beyond what this processor can address. What is left out is named in one line each.
 *
 * RAM that any entry calls something else is not RAM: the others are cut out of it. Ends are rounded inwards to pages.
 */
#include "arch/i386/cpu.h"
#include "boot/multiboot.h"
#include "kernel/lib/printk.h"

struct mem_range boot_ram[BOOT_RANGES];
unsigned boot_nr_ram;

static void ram_insert(u64 start, u64 end)
{
	unsigned i = boot_nr_ram;

	if (start >= end)
		return;
	if (boot_nr_ram == BOOT_RANGES) {
		pr_warn("memory map: more than %u pieces, %#llx-%#llx left out\n", BOOT_RANGES, start, end);
		return;
	}
	for (; i > 0 && boot_ram[i - 1].start > start; i--)
		boot_ram[i] = boot_ram[i - 1];
	boot_ram[i] = (struct mem_range){ .start = start, .end = end };
	boot_nr_ram++;
}

static void ram_delete(unsigned i)
{
	boot_nr_ram--;
	for (; i < boot_nr_ram; i++)
		boot_ram[i] = boot_ram[i + 1];
}

/* => bytes of RAM that went */
static u64 ram_cut(u64 start, u64 end)
{
	u64 gone = 0;

	for (unsigned i = 0; i < boot_nr_ram;) {
		struct mem_range r = boot_ram[i];
		u64 a = max(r.start, start), b = min(r.end, end);

		if (a >= b) {
			i++;
			continue;
		}
		gone += b - a;
		ram_delete(i);
		ram_insert(r.start, a);
		ram_insert(b, r.end);
		i = 0; /* few entries: begin again */
	}
	return gone;
}

/* Overlapping RAM entries become one. */
static void ram_merge(void)
{
	u64 twice = 0;

	for (unsigned i = 0; i + 1 < boot_nr_ram;) {
		struct mem_range *a = &boot_ram[i], *b = &boot_ram[i + 1];

		if (b->start > a->end) {
			i++;
			continue;
		}
		twice += min(a->end, b->end) - b->start;
		a->end = max(a->end, b->end);
		ram_delete(i + 1);
	}
	if (twice)
		pr_warn("memory map: %llu KB are listed twice\n", twice >> 10);
}

static void add_entries(void)
{
	for (unsigned i = 0; i < boot_info.nr_ranges; i++) {
		const struct raw_range *r = &boot_info.ranges[i];

		if (!r->len) {
			pr_warn("memory map: empty entry at %#llx left out\n", r->start);
			continue;
		}
		if (r->start + r->len < r->start && r->start + r->len)
			pr_warn("memory map: entry at %#llx is longer than the address space, cut\n", r->start);
		if (r->type == 1)
			ram_insert(r->start, r->start + r->len < r->start ? ~0ULL : r->start + r->len);
	}
}

static void cut_entries(void)
{
	u64 overlap = 0;

	for (unsigned i = 0; i < boot_info.nr_ranges; i++) {
		const struct raw_range *r = &boot_info.ranges[i];

		if (r->type != 1 && r->len)
			overlap += ram_cut(r->start, r->start + r->len < r->start ? ~0ULL : r->start + r->len);
	}
	if (overlap)
		pr_warn("memory map: %llu KB listed both as RAM and as something else, left out\n", overlap >> 10);
}

static void cut_unaddressable(void)
{
	u64 limit = 1ULL << cpu.phys_bits, gone = ram_cut(limit, ~0ULL);

	if (gone)
		pr_warn("memory: %llu MB left out, beyond the %u address bits of this CPU\n", gone >> 20, cpu.phys_bits);
}

static void round_to_pages(void)
{
	for (unsigned i = 0; i < boot_nr_ram;) {
		struct mem_range *r = &boot_ram[i];

		r->start = ALIGN_UP(r->start, 4096ULL);
		r->end = ALIGN_DOWN(r->end, 4096ULL);
		if (r->start >= r->end)
			ram_delete(i);
		else
			i++;
	}
}

void memmap_check(void)
{
	if (boot_info.ranges_left_out)
		pr_warn("memory map: %u entries beyond the first %u left out\n", boot_info.ranges_left_out, BOOT_RANGES);
	add_entries();
	ram_merge();
	cut_entries();
	cut_unaddressable();
	round_to_pages();
}

u64 boot_lowmem_top(void)
{
	u64 top = 0;

	for (unsigned i = 0; i < boot_nr_ram; i++)
		if (boot_ram[i].start < LOWMEM_MAX)
			top = min(boot_ram[i].end, (u64)LOWMEM_MAX);
	return top;
}
