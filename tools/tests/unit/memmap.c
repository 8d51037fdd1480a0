/* SPDX-License-Identifier: MIT
 * unit: boot/memmap.c
 *
 * Memory maps as firmware writes them: every byte that is RAM and nothing else, in reach of the CPU, on whole pages, comes
 * out, and no other; compared page by page with a plain array for random maps.
 */
#include "tools/tests/unit/unit.h"
#include "arch/i386/cpu.h"
#include "boot/multiboot.h"
#include "kernel/lib/string.h"

struct cpu_features cpu;
struct boot_info boot_info;

static void start(u32 bits)
{
	cpu.phys_bits = bits;
	boot_info.nr_ranges = boot_info.ranges_left_out = 0;
	boot_nr_ram = 0;
}
static void add(u64 from, u64 len, u32 type) { boot_info.ranges[boot_info.nr_ranges++] = (struct raw_range){ from, len, type }; }

static void check_form(void)
{
	for (unsigned i = 0; i < boot_nr_ram; i++) {
		CHECK(boot_ram[i].start < boot_ram[i].end);
		CHECK(!(boot_ram[i].start & 4095) && !(boot_ram[i].end & 4095));
		CHECK(i == 0 || boot_ram[i - 1].end <= boot_ram[i].start);
	}
}

TEST(an_ordinary_pc)
{
	start(36);
	add(0, 0x9fc00, 1);
	add(0x9fc00, 0x400, 2);
	add(0xf0000, 0x10000, 2);
	add(0x100000, 0xbfee0000, 1);
	add(0xbffe0000, 0x20000, 2);
	add(0x100000000ULL, 0x40000000, 1);
	memmap_check();
	REQUIRE(boot_nr_ram == 3);
	CHECK(boot_ram[0].start == 0 && boot_ram[0].end == 0x9f000);
	CHECK(boot_ram[1].end == 0xbffe0000 && boot_ram[2].end == 0x140000000ULL);
	CHECK(boot_lowmem_top() == LOWMEM_MAX);
}

TEST(beyond_the_cpu)
{
	start(32);
	add(0x100000000ULL, 0x40000000, 1);
	add(0xfff00000, 0x200000, 1);
	add(0x100000, 0x3f00000, 1);
	memmap_check();
	REQUIRE(boot_nr_ram == 2);
	CHECK(boot_ram[1].end == 0x100000000ULL);
	CHECK(boot_lowmem_top() == 0x4000000);
}

TEST(nonsense)
{
	start(36);
	add(0x100000, 0, 1);
	add(~0ULL - 100, 4096, 1);
	add(0x200800, 0x700, 1);
	add(0x300000, 0x100000, 1);
	add(0x200000, ~0ULL, 2);
	memmap_check();
	CHECK(boot_nr_ram == 0);
}

/* Pages of a small space; an entry may begin anywhere in a page. */
#define PAGES 64
static u32 seed;
static u32 rnd(u32 n) { return (seed = seed * 1664525 + 1013904223) / 65536 % n; }

static void random_map(void)
{
	static u8 ram[PAGES * 16], other[PAGES * 16]; /* sixteenths of a page */
	unsigned n = rnd(20) + 1;

	memset(ram, 0, sizeof(ram));
	memset(other, 0, sizeof(other));
	start(36);
	for (unsigned i = 0; i < n; i++) {
		u32 a = rnd(PAGES * 16), len = rnd(PAGES * 16 - a + 1), type = rnd(3);

		add(a * 256ULL, len * 256ULL, type + 1);
		memset((type ? other : ram) + a, 1, len);
	}
	memmap_check();
	check_form();
	for (unsigned p = 0; p < PAGES; p++) {
		bool want = true, got = false;

		for (unsigned k = 0; k < 16; k++)
			want &= ram[p * 16 + k] && !other[p * 16 + k];
		for (unsigned i = 0; i < boot_nr_ram; i++)
			got |= boot_ram[i].start <= p * 4096ULL && boot_ram[i].end >= (p + 1) * 4096ULL;
		CHECK(got == want);
	}
}

TEST(random_maps)
{
	for (seed = 1; seed < 4000000000U; seed += 10000019)
		random_map();
}
