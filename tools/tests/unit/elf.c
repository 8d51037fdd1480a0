/* SPDX-License-Identifier: MIT
 * unit: kernel/sys/elf.c kernel/lib/string.c
 *
 * ELF headers and `#!` lines: what must pass, what must not, and mutations of both. A mutant that passes is checked
 * against the promises of elf.h, so that whoever maps it may rely on them.
 */
#include "tools/tests/unit/unit.h"
#include "kernel/sys/elf.h"
#include "kernel/lib/string.h"

#define LIMIT 0xc0000000u
#define FILE_SIZE 0x8000u

struct image { Elf32_Ehdr eh; Elf32_Phdr ph[6]; };

/* Like a small dynamic program: PHDR, INTERP, text, data + bss, GNU_STACK, TLS. */
static void make(struct image *m)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->eh.e_ident, ELFMAG, SELFMAG);
	m->eh.e_ident[EI_CLASS] = ELFCLASS32;
	m->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	m->eh.e_ident[EI_VERSION] = EV_CURRENT;
	m->eh.e_type = ET_EXEC;
	m->eh.e_machine = EM_386;
	m->eh.e_entry = 0x8048100;
	m->eh.e_phoff = sizeof(Elf32_Ehdr);
	m->eh.e_phentsize = sizeof(Elf32_Phdr);
	m->eh.e_phnum = 6;
	m->ph[0] = (Elf32_Phdr){ .p_type = PT_PHDR, .p_offset = 0x34, .p_vaddr = 0x8048034, .p_filesz = 0xc0, .p_memsz = 0xc0, .p_flags = PF_R };
	m->ph[1] = (Elf32_Phdr){ .p_type = PT_INTERP, .p_offset = 0x100, .p_vaddr = 0x8048100, .p_filesz = 0x13, .p_memsz = 0x13, .p_flags = PF_R };
	m->ph[2] = (Elf32_Phdr){ .p_type = PT_LOAD, .p_offset = 0, .p_vaddr = 0x8048000, .p_filesz = 0x2f00, .p_memsz = 0x2f00, .p_flags = PF_R | PF_X };
	m->ph[3] = (Elf32_Phdr){ .p_type = PT_LOAD, .p_offset = 0x3f00, .p_vaddr = 0x804cf00, .p_filesz = 0x300, .p_memsz = 0x2345, .p_flags = PF_R | PF_W };
	m->ph[4] = (Elf32_Phdr){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W };
	m->ph[5] = (Elf32_Phdr){ .p_type = PT_TLS, .p_offset = 0x3f00, .p_vaddr = 0x804cf00, .p_filesz = 8, .p_memsz = 16, .p_flags = PF_R };
}

static int parse(const struct image *m, struct elf_info *info)
{
	int err = elf_check_header(m, sizeof(*m));

	return err ? err : elf_check_phdrs(&m->eh, m->ph, FILE_SIZE, LIMIT, info);
}

TEST(an_ordinary_program_passes)
{
	struct elf_info i;
	struct image m;

	make(&m);
	REQUIRE(parse(&m, &i) == 0);
	CHECK(i.entry == 0x8048100 && !i.dyn && !i.exec_stack);
	CHECK(i.low == 0x8048000 && i.high == 0x8050000 && i.brk == 0x804f245);
	CHECK(i.phdr == 0x8048034 && i.interp_offset == 0x100 && i.interp_size == 0x13);
	CHECK(i.code_start == 0x8048000 && i.code_end == 0x804af00 && i.data_start == 0x804cf00 && i.data_end == 0x804d200);
}

TEST(position_independent_and_stack_flags)
{
	struct elf_info i;
	struct image m;

	make(&m);
	m.eh.e_type = ET_DYN;
	m.ph[4].p_flags |= PF_X;
	REQUIRE(parse(&m, &i) == 0);
	CHECK(i.dyn && i.exec_stack);
	m.ph[4].p_type = PT_NULL;
	CHECK(parse(&m, &i) == 0 && i.exec_stack); /* no PT_GNU_STACK: an old program */
}

TEST(bad_headers_are_refused)
{
	struct elf_info i;
	struct image m;

#define REFUSED(change) do { make(&m); change; CHECK(parse(&m, &i) == -ENOEXEC); } while (0)
	REFUSED(m.eh.e_ident[0] = 'X');
	REFUSED(m.eh.e_ident[EI_CLASS] = ELFCLASS64);
	REFUSED(m.eh.e_ident[EI_DATA] = ELFDATA2MSB);
	REFUSED(m.eh.e_type = ET_REL);
	REFUSED(m.eh.e_machine = EM_X86_64);
	REFUSED(m.eh.e_phentsize = 56);
	REFUSED(m.eh.e_phnum = 0);
	REFUSED(m.eh.e_phnum = 0xffff);
	REFUSED(m.eh.e_phoff = 0xffffff00);
	REFUSED(m.ph[2].p_type = m.ph[3].p_type = PT_NULL);           /* nothing to load */
	REFUSED(m.ph[3].p_filesz = m.ph[3].p_memsz + 1);              /* more in the file than in memory */
	REFUSED(m.ph[3].p_offset++);                                  /* cannot be mapped */
	REFUSED(m.ph[3].p_offset += 0x10000);                         /* beyond the end of the file */
	REFUSED(m.ph[3].p_filesz = m.ph[3].p_memsz = 0xfffff000);     /* wraps */
	REFUSED(m.ph[3].p_memsz = LIMIT);                             /* into the kernel */
	REFUSED(m.ph[3].p_vaddr = 0xc0000f00);
	REFUSED(m.ph[3].p_vaddr = 0x8048f00);                         /* overlaps the text */
	REFUSED(swap(m.ph[2], m.ph[3]));                              /* descending */
	REFUSED(m.ph[1].p_filesz = 1);
	REFUSED(m.ph[1].p_filesz = 5000);
	REFUSED(m.ph[1].p_offset = 0xfffffff0);
	REFUSED(m.ph[2].p_memsz = m.ph[2].p_filesz = m.ph[3].p_memsz = m.ph[3].p_filesz = 0;
		m.ph[2].p_vaddr = m.ph[3].p_vaddr = m.ph[2].p_offset = m.ph[3].p_offset = 0);
	make(&m);
	CHECK(elf_check_header(&m, sizeof(Elf32_Ehdr) - 1) == -ENOEXEC);
}

TEST(interpreter_paths)
{
	CHECK(elf_check_interp("/lib/ld", 8) == 0);
	CHECK(elf_check_interp("/lib/ld", 7) == -ENOEXEC);
	CHECK(elf_check_interp("\0x", 3) == -ENOEXEC);
}

/* What elf_map takes for granted. */
static void check_promises(const struct image *m, const struct elf_info *i)
{
	u32 end = 0;

	CHECK(i->low < i->high && i->high <= LIMIT && !(i->low & 4095) && !(i->high & 4095) && i->brk <= i->high);
	for (int k = 0; k < m->eh.e_phnum && k < 6; k++) {
		const Elf32_Phdr *p = &m->ph[k];

		if (p->p_type != PT_LOAD)
			continue;
		CHECK(p->p_vaddr >= end && p->p_filesz <= p->p_memsz && p->p_memsz <= LIMIT - p->p_vaddr);
		CHECK((u64)p->p_offset + p->p_filesz <= FILE_SIZE && (p->p_offset & 4095) == (p->p_vaddr & 4095));
		end = p->p_vaddr + p->p_memsz;
		CHECK(end <= i->high);
	}
	CHECK(!i->interp_size || (u64)i->interp_offset + i->interp_size <= FILE_SIZE);
}

static u32 nasty(void)
{
	static const u32 values[] = { 0, 1, 2, 0xfff, 0x1000, 0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000, 0xfffff000, 0xffffffff };

	return unit_random() & 1 ? values[unit_random() % ARRAY_SIZE(values)] : unit_random() & 0xffff;
}

TEST(mutations_are_refused_or_keep_the_promises)
{
	struct elf_info i;
	struct image m;
	int passed = 0;

	for (int round = 0; round < 300000; round++) {
		make(&m);
		for (u32 n = unit_random() % 4 + 1; n; n--) {
			if (unit_random() & 1)
				((u8 *)&m)[unit_random() % sizeof(m)] ^= 1u << unit_random() % 8;
			else
				((u32 *)&m)[unit_random() % (sizeof(m) / 4)] = nasty();
		}
		if (elf_check_header(&m, sizeof(m)) || m.eh.e_phnum > 6)
			continue;
		if (!elf_check_phdrs(&m.eh, m.ph, FILE_SIZE, LIMIT, &i)) {
			check_promises(&m, &i);
			passed++;
		}
	}
	CHECK(passed > 1000);
}

static int script(const char *text, const char *interp, const char *arg)
{
	char buf[257] = "", *i, *a;
	size_t n = min(strlen(text), (size_t)256);
	int err;

	memcpy(buf, text, n);
	err = script_parse(buf, n, &i, &a);
	if (err)
		return err;
	CHECK(!strcmp(i, interp));
	CHECK(arg ? a && !strcmp(a, arg) : !a);
	return 0;
}

TEST(script_lines)
{
	char longer[300];

	CHECK(script("#!/bin/sh\necho\n", "/bin/sh", NULL) == 0);
	CHECK(script("#! \t/bin/sh  -e x \t\necho\n", "/bin/sh", "-e x") == 0);
	CHECK(script("#!/bin/sh", "/bin/sh", NULL) == 0);
	CHECK(script("#!/bin/sh -x", "/bin/sh", "-x") == 0);
	CHECK(script("#!\n", NULL, NULL) == -ENOEXEC);
	CHECK(script("#!   \n", NULL, NULL) == -ENOEXEC);
	CHECK(script("#", NULL, NULL) == -ENOEXEC);
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "#!/", 3);
	longer[299] = 0;
	CHECK(script(longer, NULL, NULL) == -ENOEXEC); /* the name may be cut */
}

TEST(script_mutations)
{
	static const char from[] = "#! /bin/sh -e \tx y\nrest of it";
	char buf[257], *i, *a;

	for (int round = 0; round < 200000; round++) {
		size_t n = unit_random() % 257;

		for (size_t k = 0; k < n; k++)
			buf[k] = "#!/b \t\n\0x"[unit_random() % 9];
		memcpy(buf, from, min(n, (size_t)(unit_random() % sizeof(from))));
		buf[n] = 0;
		if (script_parse(buf, n, &i, &a))
			continue;
		CHECK(i > buf && i < buf + n && i + strlen(i) <= buf + n);
		CHECK(!a || (a > i && a + strlen(a) <= buf + n));
	}
}
