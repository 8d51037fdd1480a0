/* SPDX-License-Identifier: MIT
 *
 * Calls that change the map of memory: mmap and munmap, mprotect (with the split and merge of areas, and with the
 * fault that follows), mremap, brk, madvise, and a fault that ends in a signal handler.
 */
#include "bench.h"
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- mmap, touch, munmap ------------------------------------------------------------------------------------------ */
static u64 map_untouched(u32 n)
{
	u64 t = now();

	while (n--) {
		char *p = amap(PAGE);

		if (!p)
			return FAIL;
		munmap(p, PAGE);
	}
	return now() - t;
}

static u64 map_page(u32 n)
{
	u64 t = now();

	while (n--) {
		char *p = amap(PAGE);

		if (!p)
			return FAIL;
		*p = 1;
		munmap(p, PAGE);
	}
	return now() - t;
}

static u64 map_1m(u32 n)
{
	u64 t = now();

	while (n--) {
		char *p = amap(MB);

		if (!p)
			return FAIL;
		touch_write(p, MB);
		munmap(p, MB);
	}
	return now() - t;
}

/* --- mprotect ----------------------------------------------------------------------------------------------------- */
static u64 protect(u32 n, int pages, int index)
{
	char *p = amap(pages * PAGE);
	u64 t;

	if (!p)
		return FAIL;
	touch_write(p, pages * PAGE);
	t = now();
	for (u32 i = 0; i < n; i++)
		if (mprotect(p + index * PAGE, PAGE, i & 1 ? RW : PROT_READ))
			return FAIL;
	t = now() - t;
	munmap(p, pages * PAGE);
	return t;
}

static u64 protect_page(u32 n) { return protect(n, 1, 0); }
static u64 protect_middle(u32 n) { return protect(n, 3, 1); }

/* protect, unprotect, write again */
static u64 protect_and_write(u32 n)
{
	char *p = amap(PAGE);
	u64 t;

	if (!p)
		return FAIL;
	*p = 1;
	t = now();
	while (n--) {
		if (mprotect(p, PAGE, PROT_READ) || mprotect(p, PAGE, RW))
			return FAIL;
		(*(volatile char *)p)++;
	}
	t = now() - t;
	munmap(p, PAGE);
	return t;
}

/* --- mremap: 4 MB to and fro; with a skew the page tables do not fit onto each other ------------------------------ */
static bool touched(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE)
		if (p[i] != (char)(i >> 12 | 1))
			return false;
	return true;
}

static u64 move(u32 n, size_t skew)
{
	char *a = amap_aligned(4 * MB, 4 * MB), *b = amap_aligned(8 * MB, 4 * MB), *was;
	u64 t;

	if (!a || !b)
		return FAIL;
	munmap(b, 8 * MB);
	b += skew;
	touch_write(a, 4 * MB);
	t = now();
	for (u32 i = 0; i < n; i++) {
		if (mremap(a, 4 * MB, 4 * MB, MREMAP_MAYMOVE | MREMAP_FIXED, b) != b) {
			munmap(a, 4 * MB);
			return FAIL;
		}
		was = a;
		a = b;
		b = was;
	}
	t = now() - t;
	if (!touched(a, 4 * MB))
		return fail(EBADMSG);
	munmap(a, 4 * MB);
	return t;
}

static u64 move_aligned(u32 n) { return move(n, 0); }
static u64 move_unaligned(u32 n) { return move(n, PAGE); }

static u64 grow_and_shrink(u32 n)
{
	char *p = amap(64 * PAGE);
	u64 t;

	if (!p)
		return FAIL;
	munmap(p + PAGE, 63 * PAGE);
	*p = 1;
	t = now();
	while (n--)
		if (mremap(p, PAGE, 2 * PAGE, 0) != p || mremap(p, 2 * PAGE, PAGE, 0) != p)
			return FAIL;
	t = now() - t;
	munmap(p, PAGE);
	return t;
}

/* --- brk, madvise, mincore ---------------------------------------------------------------------------------------- */
static u64 brk_64k(u32 n)
{
	char *end = (char *)syscall(SYS_brk, 0);
	u64 t = now();

	while (n--) {
		if ((char *)syscall(SYS_brk, end + 16 * PAGE) != end + 16 * PAGE)
			return fail(ENOMEM);
		touch_write(end + PAGE, 15 * PAGE);
		if ((char *)syscall(SYS_brk, end) != end)
			return fail(EINVAL);
	}
	return now() - t;
}

static u64 dontneed_1m(u32 n)
{
	char *p = amap(256 * PAGE);
	u64 t;

	if (!p)
		return FAIL;
	t = now();
	while (n--) {
		touch_write(p, 256 * PAGE);
		if (madvise(p, 256 * PAGE, MADV_DONTNEED))
			return FAIL;
	}
	t = now() - t;
	munmap(p, 256 * PAGE);
	return t;
}

static u64 mincore_4m(u32 n)
{
	static unsigned char in_core[1024];
	char *p = amap(1024 * PAGE);
	u64 t;

	if (!p)
		return FAIL;
	touch_write(p, 1024 * PAGE);
	t = now();
	while (n--)
		if (mincore(p, 1024 * PAGE, in_core))
			return FAIL;
	t = now() - t;
	munmap(p, 1024 * PAGE);
	for (int i = 0; i < 1024; i++)
		if (!(in_core[i] & 1))
			return fail(EBADMSG);
	return t;
}

/* --- a fault, a signal, mprotect in its handler, and back --------------------------------------------------------- */
static volatile char *guarded;

static void on_segv(int signal) { mprotect((void *)guarded, PAGE, RW); }

static u64 segv_roundtrip(u32 n)
{
	struct sigaction action = { .sa_handler = on_segv }, old;
	u64 t;

	guarded = amap(PAGE);
	if (!guarded)
		return FAIL;
	*guarded = 1;
	if (sigaction(SIGSEGV, &action, &old))
		return FAIL;
	t = now();
	while (n--) {
		if (mprotect((void *)guarded, PAGE, PROT_READ))
			return FAIL;
		*guarded = 2;
	}
	t = now() - t;
	sigaction(SIGSEGV, &old, NULL);
	munmap((void *)guarded, PAGE);
	return t;
}

const struct row map_rows[] = {
	{ "mmap_munmap_1p", map_untouched, 1, 1u << 20 },
	{ "mmap_touch_munmap_1p", map_page, 1, 1u << 20 },
	{ "mmap_touch_munmap_1M", map_1m, 1, 1u << 16 },
	{ "mprotect_1p", protect_page, 1, 1u << 20 },
	{ "mprotect_1p_split", protect_middle, 1, 1u << 20 },
	{ "mprotect_rw_write", protect_and_write, 1, 1u << 20 },
	{ "mremap_4M_aligned", move_aligned, 1, 1u << 16 },
	{ "mremap_4M_unaligned", move_unaligned, 1, 1u << 16 },
	{ "mremap_grow_shrink", grow_and_shrink, 1, 1u << 20 },
	{ "brk_64K", brk_64k, 1, 1u << 16 },
	{ "dontneed_1M", dontneed_1m, 1, 1u << 16 },
	{ "mincore_4M", mincore_4m, 1, 1u << 16 },
	{ "segv_roundtrip", segv_roundtrip, 1, 1u << 20 },
	{ NULL, NULL, 0, 0 }
};
