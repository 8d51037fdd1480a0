/* SPDX-License-Identifier: MIT
 *
 * The multiboot 1 information structure (Multiboot Specification 0.6.96, 3.3). Everything in it is a physical address
 * below 4 GB; loaders put it into low memory, which boot/entry.asm has mapped.
 */
#include "boot/multiboot.h"
#include "kernel/lib/string.h"

struct mb_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4], mmap_length, mmap_addr;
};
struct mb_module { u32 start, end, string, pad; };
struct __packed mb_mmap { u32 size; u64 addr, len; u32 type; };
enum { MB_MEMORY = 1, MB_CMDLINE = 4, MB_MODULES = 8, MB_MMAP = 64 };

struct boot_info boot_info;

static bool reachable(u32 pa, u32 size) { return pa && pa < LOWMEM_MAX && size <= LOWMEM_MAX - pa; }

static void add_range(u64 start, u64 len, u32 type)
{
	if (boot_info.nr_ranges == BOOT_RANGES) {
		boot_info.ranges_left_out++;
		return;
	}
	boot_info.ranges[boot_info.nr_ranges++] = (struct raw_range){ start, len, type };
}

static void read_mmap(u32 addr, u32 length)
{
	u32 at = addr;

	while (at + 4 <= addr + length) {
		const struct mb_mmap *m = __va(at);

		if (m->size < 20 || at + 4 + m->size > addr + length)
			break;
		add_range(m->addr, m->len, m->type);
		at += m->size + 4;
	}
}

/* QEMU's -kernel passes the file name as first word, GRUB does not. */
static const char *skip_file_name(const char *s)
{
	const char *p = skip_spaces(s), *end = p;

	while (*end && *end != ' ' && *end != '=')
		end++;
	if (*end == '=' || end - p < 4 || (memcmp(end - 4, ".elf", 4) && *p != '/'))
		return p;
	return skip_spaces(end);
}

static void read_modules(u32 addr, u32 count)
{
	const struct mb_module *m = __va(addr);

	for (u32 i = 0; i < count; i++) {
		struct boot_module *b = &boot_info.modules[boot_info.nr_modules];

		if (boot_info.nr_modules == BOOT_MODULES || m[i].end < m[i].start) {
			boot_info.modules_left_out++;
			continue;
		}
		b->start = m[i].start;
		b->end = m[i].end;
		if (reachable(m[i].string, 1))
			strlcpy(b->name, __va(m[i].string), sizeof(b->name));
		boot_info.nr_modules++;
	}
}

bool multiboot_read(u32 magic, u32 info)
{
	const struct mb_info *mb = __va(info);

	if (magic != MULTIBOOT_MAGIC || !reachable(info, sizeof(*mb)))
		return false;
	if (mb->flags & MB_CMDLINE && reachable(mb->cmdline, 1))
		strlcpy(boot_info.cmdline, skip_file_name(__va(mb->cmdline)), sizeof(boot_info.cmdline));
	if (mb->flags & MB_MODULES && reachable(mb->mods_addr, mb->mods_count * sizeof(struct mb_module)))
		read_modules(mb->mods_addr, mb->mods_count);
	if (mb->flags & MB_MMAP && reachable(mb->mmap_addr, mb->mmap_length)) {
		read_mmap(mb->mmap_addr, mb->mmap_length);
	} else if (mb->flags & MB_MEMORY) {
		add_range(0, (u64)mb->mem_lower << 10, 1);
		add_range(0x100000, (u64)mb->mem_upper << 10, 1);
	}
	return true;
}
