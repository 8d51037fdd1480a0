/* SPDX-License-Identifier: MIT
 *
 * Checks ELF32 headers and `#!` lines: what passes here can be mapped without further questions about its numbers.
 * Knows neither files nor address spaces.
 */
#include "kernel/sys/elf.h"

#include "kernel/lib/string.h"

#define PAGE_MASK_LOW 4095u

int elf_check_header(const void *head, size_t size)
{
	const Elf32_Ehdr *eh = head;

	if (size < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG))
		return -ENOEXEC;
	if (eh->e_ident[EI_CLASS] != ELFCLASS32 || eh->e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if ((eh->e_type != ET_EXEC && eh->e_type != ET_DYN) || (eh->e_machine != EM_386 && eh->e_machine != EM_486))
		return -ENOEXEC;
	if (eh->e_phentsize != sizeof(Elf32_Phdr) || !eh->e_phnum)
		return -ENOEXEC;
	if (eh->e_phnum * sizeof(Elf32_Phdr) > ELF_MAX_PHDRS_SIZE || eh->e_phoff > (u32)-ELF_MAX_PHDRS_SIZE)
		return -ENOEXEC;
	return 0;
}

/* One PT_LOAD. `from`: where the previous one ended. */
static bool load_sound(const Elf32_Phdr *p, u64 file_size, u32 limit, u32 from)
{
	if (p->p_filesz > p->p_memsz || (p->p_vaddr & PAGE_MASK_LOW) != (p->p_offset & PAGE_MASK_LOW))
		return false;
	if ((u64)p->p_offset + p->p_filesz > file_size)
		return false;
	return p->p_vaddr >= from && p->p_vaddr <= limit && p->p_memsz <= limit - p->p_vaddr;
}

static void note_load(const Elf32_Ehdr *eh, const Elf32_Phdr *p, struct elf_info *i)
{
	u32 end = p->p_vaddr + p->p_memsz, file_end = p->p_vaddr + p->p_filesz;

	if (p->p_flags & PF_X) {
		i->code_start = min(i->code_start, p->p_vaddr);
		i->code_end = max(i->code_end, file_end);
	}
	i->data_start = max(i->data_start, p->p_vaddr);
	i->data_end = max(i->data_end, file_end);
	i->low = min(i->low, p->p_vaddr & ~PAGE_MASK_LOW);
	i->high = max(i->high, (end + PAGE_MASK_LOW) & ~PAGE_MASK_LOW);
	i->brk = max(i->brk, end);
	if (!i->phdr && p->p_offset <= eh->e_phoff && eh->e_phoff - p->p_offset < p->p_filesz)
		i->phdr = eh->e_phoff - p->p_offset + p->p_vaddr;
}

int elf_check_phdrs(const Elf32_Ehdr *eh, const Elf32_Phdr *ph, u64 file_size, u32 limit, struct elf_info *i)
{
	u32 end = 0, loads = 0;

	limit &= ~PAGE_MASK_LOW;
	*i = (struct elf_info){ .entry = eh->e_entry, .dyn = eh->e_type == ET_DYN, .exec_stack = true,
		.low = ~0u & ~PAGE_MASK_LOW, .code_start = ~0u };
	for (const Elf32_Phdr *p = ph; p < ph + eh->e_phnum; p++) {
		if (p->p_type == PT_LOAD) {
			if (!load_sound(p, file_size, limit, end))
				return -ENOEXEC;
			end = p->p_vaddr + p->p_memsz;
			note_load(eh, p, i);
			loads++;
		} else if (p->p_type == PT_INTERP && !i->interp_size) {
			if (p->p_filesz < 2 || p->p_filesz > 4096 || (u64)p->p_offset + p->p_filesz > file_size)
				return -ENOEXEC;
			i->interp_offset = p->p_offset;
			i->interp_size = p->p_filesz;
		} else if (p->p_type == PT_GNU_STACK) {
			i->exec_stack = p->p_flags & PF_X;
		}
	}
	return loads && i->high > i->low ? 0 : -ENOEXEC;
}

int elf_check_interp(const char *path, u32 size)
{
	return size >= 2 && !path[size - 1] && path[0] ? 0 : -ENOEXEC;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

int script_parse(char *head, size_t size, char **interp, char **arg)
{
	char *end, *p = head + 2;

	if (size < 3 || head[0] != '#' || head[1] != '!')
		return -ENOEXEC;
	end = memchr(head, '\n', size);
	if (!end)
		end = head + strnlen(head, size);
	while (p < end && blank(*p))
		p++;
	if (p == end)
		return -ENOEXEC;
	*interp = p;
	while (p < end && !blank(*p) && *p)
		p++;
	if (p == head + size && size >= EXEC_HEAD)
		return -ENOEXEC; /* the name may have been cut */
	*arg = NULL;
	while (end > p && blank(end[-1]))
		end--;
	*end = 0;
	if (p < end) {
		*p++ = 0;
		while (p < end && blank(*p))
			p++;
		if (p < end)
			*arg = p;
	}
	return **interp ? 0 : -ENOEXEC;
}
