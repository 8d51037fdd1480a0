/* SPDX-License-Identifier: MIT
 *
 * Clearing and copying whole pages, and the bulk of copies from and to user memory: with 16-byte SSE stores where the CPU has
 * them (a quarter of the instructions of `rep stosl` as emulators count them), else with string instructions.
 *
 * The registers may hold a program's values: those that are used are kept on the stack meanwhile. If CR0.TS is set, they
 * are nobody's, and TS is put back. An interrupt may do the same in the middle: it finds TS clear and restores what it
 * found.
 *
 * => preemption off; page-aligned addresses that are mapped.
 */
#include "arch/i386/cpu.h"
#include "arch/i386/pgtable.h"
#include "arch/i386/percpu.h"
#include "arch/i386/uaccess.h"

#define X4(s) s s s s
#define STORE_64(n) "movaps %%xmm0, " #n "(%0)\n\tmovaps %%xmm0, " #n "+16(%0)\n\t" \
	"movaps %%xmm0, " #n "+32(%0)\n\tmovaps %%xmm0, " #n "+48(%0)\n\t"
#define COPY_64(n) "movaps " #n "(%1), %%xmm0\n\tmovaps " #n "+16(%1), %%xmm1\n\t" \
	"movaps " #n "+32(%1), %%xmm2\n\tmovaps " #n "+48(%1), %%xmm3\n\t" \
	"movaps %%xmm0, " #n "(%0)\n\tmovaps %%xmm1, " #n "+16(%0)\n\t" \
	"movaps %%xmm2, " #n "+32(%0)\n\tmovaps %%xmm3, " #n "+48(%0)\n\t"

static inline bool unit_enable(void)
{
	bool ts = read_cr0() & CR0_TS;

	if (ts)
		clts();
	return ts;
}

static inline void unit_restore(bool ts)
{
	if (ts)
		write_cr0(read_cr0() | CR0_TS);
}

void arch_clear_page(void *va)
{
	unsigned rounds = 4096 / 512;
	u8 saved[16];
	bool ts;

	if (unlikely(!cpu.sse)) {
		unsigned n = 1024;

		__asm__ volatile("rep stosl" : "+D"(va), "+c"(n) : "a"(0) : "memory");
		return;
	}
	ts = unit_enable();
	__asm__ volatile("movups %%xmm0, %2\n\txorps %%xmm0, %%xmm0\n"
			 "1:\t" STORE_64(0) STORE_64(64) STORE_64(128) STORE_64(192) STORE_64(256) STORE_64(320) STORE_64(384)
			 STORE_64(448) "addl $512, %0\n\tdecl %1\n\tjnz 1b\n\tmovups %2, %%xmm0"
			 : "+r"(va), "+r"(rounds), "=m"(saved) : : "memory", "cc");
	unit_restore(ts);
}

void arch_copy_page(void *to, const void *from)
{
	unsigned rounds = 4096 / 256;
	u8 saved[64];
	bool ts;

	if (unlikely(!cpu.sse)) {
		unsigned n = 1024;

		__asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
		return;
	}
	ts = unit_enable();
	__asm__ volatile("movups %%xmm0, (%3)\n\tmovups %%xmm1, 16(%3)\n\tmovups %%xmm2, 32(%3)\n\tmovups %%xmm3, 48(%3)\n"
			 "1:\t" COPY_64(0) COPY_64(64) COPY_64(128) COPY_64(192)
			 "addl $256, %0\n\taddl $256, %1\n\tdecl %2\n\tjnz 1b\n\t"
			 "movups (%3), %%xmm0\n\tmovups 16(%3), %%xmm1\n\tmovups 32(%3), %%xmm2\n\tmovups 48(%3), %%xmm3"
			 : "+r"(to), "+r"(from), "+r"(rounds) : "r"(saved) : "memory", "cc");
	unit_restore(ts);
}

/* 256 bytes by 16; a fault on any of the 32 leaves at 3. 576 counted instructions a page, where rep movsl has 1,024. */
size_t arch_copy_wide(void *to, const void *from, size_t n)
{
	size_t left = n / COPY_WIDE;
	u8 saved[16];
	bool ts;

	if (unlikely(!cpu.sse || !left))
		return 0;
	ts = unit_enable();
	__asm__ volatile("movups %%xmm0, (%3)\n"
			 "1:\n"
			 "\t.irp at, 0,16,32,48,64,80,96,112,128,144,160,176,192,208,224,240\n"
			 "8:\tmovups \\at(%1), %%xmm0\n"
			 "9:\tmovups %%xmm0, \\at(%0)\n"
			 EX_TABLE("8b", "3f") EX_TABLE("9b", "3f")
			 "\t.endr\n"
			 "\taddl $256, %0\n\taddl $256, %1\n\tdecl %2\n\tjnz 1b\n"
			 "3:\tmovups (%3), %%xmm0"
			 : "+r"(to), "+r"(from), "+r"(left) : "r"(saved) : "memory", "cc");
	unit_restore(ts);
	return (n / COPY_WIDE - left) * COPY_WIDE;
}
