/* SPDX-License-Identifier: MIT
 * help: virtual-memory benchmark; the same program runs on Linux (vmbench --help)
 *
 * Micro-benchmarks of virtual memory for 32-bit x86 kernels with Linux's ABI, in one static program that needs only a
 * writable directory (-d, default /tmp).
 *
 * Output: one line per measurement:  name value unit [k=v ...]
 *   unit is ns/op (clock_gettime) or tk/op (-T: raw rdtsc; under QEMU
 *   -icount shift=0 one tick is one guest instruction).
 *   A missing feature prints:  name - ERRNAME
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;
typedef uint32_t u32;
#define PG 4096u
#define FAIL (~(u64)0)
#define MB (1024u * 1024u)
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

static int use_tsc, reps = 5, huge;
static u64 target = 40000000ull;          /* per repetition, ns or ticks */
static const char *dir = "/tmp";
static char fpath[256], epath[256], *self_path;
static char **filter; static int nfilter;

static u64 now(void)
{
	if (use_tsc) {
		u32 a, d;
		__asm__ volatile("rdtsc" : "=a"(a), "=d"(d) :: "memory");
		return (u64)d << 32 | a;
	}
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + ts.tv_nsec;
}
static void say(const char *f, ...)
{
	char b[512]; va_list ap; va_start(ap, f);
	int n = vsnprintf(b, sizeof b, f, ap); va_end(ap);
	if (n > (int)sizeof b) n = sizeof b;
	for (int o = 0; o < n;) { int w = write(1, b + o, n - o); if (w <= 0) break; o += w; }
}
static const char *en(int e)
{
	static char b[24];
	switch (e) { case ENOSYS: return "ENOSYS"; case EINVAL: return "EINVAL"; case ENOMEM: return "ENOMEM";
	case EPERM: return "EPERM"; case ENOENT: return "ENOENT"; case EAGAIN: return "EAGAIN"; case EIO: return "EIO";
	case EACCES: return "EACCES"; case ENODEV: return "ENODEV"; case EOPNOTSUPP: return "EOPNOTSUPP";
	case ENOSPC: return "ENOSPC"; case EBADMSG: return "CONTENT"; case ECHILD: return "ECHILD"; }
	snprintf(b, sizeof b, "errno%d", e); return b;
}
static const char *U(void) { return use_tsc ? "tk/op" : "ns/op"; }
static u32 rnd_s = 12345;
static u32 rnd(void) { return (rnd_s = rnd_s * 1664525u + 1013904223u) >> 8; }

static int wanted(const char *name)
{
	if (!nfilter) return 1;
	for (int i = 0; i < nfilter; i++) if (!strncmp(name, filter[i], strlen(filter[i]))) return 1;
	return 0;
}
static int cmp64(const void *a, const void *b) { u64 x = *(u64 *)a, y = *(u64 *)b; return x < y ? -1 : x > y; }
/* fn(n) runs n rounds and returns elapsed; each round is `div` operations. */
static void run(const char *name, u64 (*fn)(u32), u32 div, u32 maxn)
{
	if (!wanted(name)) return;
	u32 n = 1; u64 t, v[16];
	for (;;) {
		errno = 0; t = fn(n);
		if (t == FAIL) { say("%s - %s\n", name, en(errno)); return; }
		if (t >= target / 2 || n >= maxn) break;
		u64 m = t ? target * n / t : n * 16ull;
		if (m > n * 16ull) m = n * 16ull;
		if (m <= n) m = n + 1;
		n = m > maxn ? maxn : m;
	}
	int r = reps > 16 ? 16 : reps;
	if (t > target * 20 && r > 3) r = 3;
	for (int i = 0; i < r; i++) { v[i] = fn(n); if (v[i] == FAIL) { say("%s - %s\n", name, en(errno)); return; } }
	qsort(v, r, sizeof v[0], cmp64);
	double d = (double)n * div;
	say("%s %.1f %s min=%.1f max=%.1f n=%u\n", name, v[r / 2] / d, U(), v[0] / d, v[r - 1] / d, n);
}
static void *map(size_t len, int prot, int fl, int fd, off_t off)
{
	void *p = mmap(NULL, len, prot, fl, fd, off);
	return p == MAP_FAILED ? NULL : p;
}
#define RW (PROT_READ | PROT_WRITE)
static char *amap(size_t len) { return map(len, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static void touchw(volatile char *p, size_t len) { for (size_t i = 0; i < len; i += PG) p[i] = (char)(i >> 12 | 1); }
static u32 touchr(volatile char *p, size_t len) { u32 s = 0; for (size_t i = 0; i < len; i += PG) s += p[i]; return s; }
static char *amap_al(size_t len, size_t al)       /* aligned anon mapping */
{
	char *p = amap(len + al); if (!p) return NULL;
	char *q = (char *)(((uintptr_t)p + al - 1) & ~(al - 1));
	if (q > p) munmap(p, q - p);
	if (q + len < p + len + al) munmap(q + len, p + al - q);
	return q;
}

/* ---- system call and process ---- */
static u64 b_null80(u32 n)
{
	u64 t = now();
	while (n--) { int r; __asm__ volatile("int $0x80" : "=a"(r) : "0"(SYS_getppid) : "memory"); }
	return now() - t;
}
static u64 b_nulllibc(u32 n) { u64 t = now(); while (n--) syscall(SYS_getppid); return now() - t; }
static u64 b_gettime(u32 n)
{ struct timespec ts; u64 t = now(); while (n--) if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts)) return FAIL; return now() - t; }
static u64 b_gettime_libc(u32 n)
{ struct timespec ts; u64 t = now(); while (n--) if (clock_gettime(CLOCK_MONOTONIC, &ts)) return FAIL; return now() - t; }
static int reap(pid_t p)
{ int st; if (p < 0) return -1; if (waitpid(p, &st, 0) != p) return -1; if (!WIFEXITED(st) || WEXITSTATUS(st)) { errno = EBADMSG; return -1; } return 0; }
static u64 b_fork(u32 n)
{ u64 t = now(); while (n--) { pid_t p = fork(); if (!p) _exit(0); if (reap(p)) return FAIL; } return now() - t; }
static u64 b_fork64(u32 n)
{
	char *p = amap_al(64 * MB, 4 * MB); if (!p) return FAIL;
	touchw(p, 64 * MB);
	u64 t = b_fork(n); int e = errno;
	munmap(p, 64 * MB); errno = e; return t;
}
static u64 b_fork64sh(u32 n)
{
	char *p = map(64 * MB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0); if (!p) return FAIL;
	touchw(p, 64 * MB);
	u64 t = b_fork(n); int e = errno;
	munmap(p, 64 * MB); errno = e; return t;
}
/* 84-byte ELF header + exit(0) */
static const unsigned char tiny[] = {
	0x7f,'E','L','F',1,1,1,0, 0,0,0,0,0,0,0,0, 2,0,3,0, 1,0,0,0, 0x54,0x80,0x04,0x08, 52,0,0,0, 0,0,0,0, 0,0,0,0, 52,0,32,0,1,0,0,0,0,0,0,0,
	1,0,0,0, 0,0,0,0, 0,0x80,0x04,0x08, 0,0x80,0x04,0x08, 0x5b,0,0,0, 0x5b,0,0,0, 5,0,0,0, 0,0x10,0,0,
	0x31,0xdb, 0x31,0xc0, 0x40, 0xcd,0x80 };
static int mk_tiny(void)
{
	int fd = open(epath, O_CREAT | O_TRUNC | O_WRONLY, 0755); if (fd < 0) return -1;
	if (write(fd, tiny, sizeof tiny) != (int)sizeof tiny) return -1;
	return close(fd);
}
static u64 doexec(u32 n, int vf, char *path, char *a1)
{
	char *av[] = { path, a1, NULL }, *ev[] = { NULL };
	u64 t = now();
	while (n--) { pid_t p = vf ? vfork() : fork(); if (!p) { execve(path, av, ev); _exit(99); } if (reap(p)) return FAIL; }
	return now() - t;
}
static u64 b_exec(u32 n) { return doexec(n, 0, epath, NULL); }
static u64 b_vexec(u32 n) { return doexec(n, 1, epath, NULL); }
static u64 b_execself(u32 n) { return doexec(n, 0, self_path, "--exit"); }

/* ---- faults ---- */
#define FP 2048u                                   /* pages per fault round */
static u64 b_anonw(u32 n)
{
	u64 s = 0;
	while (n--) { char *p = amap_al(FP * PG, 4 * MB); if (!p) return FAIL; u64 t = now(); touchw(p, FP * PG); s += now() - t; munmap(p, FP * PG); }
	return s;
}
static u64 b_anonr(u32 n)
{
	u64 s = 0;
	while (n--) { char *p = amap(FP * PG); if (!p) return FAIL; u64 t = now(); touchr(p, FP * PG); s += now() - t; munmap(p, FP * PG); }
	return s;
}
static u64 b_zap(u32 n)
{
	u64 s = 0;
	while (n--) { char *p = amap(FP * PG); if (!p) return FAIL; touchw(p, FP * PG); u64 t = now(); munmap(p, FP * PG); s += now() - t; }
	return s;
}
static u64 b_shanon(u32 n)
{
	u64 s = 0;
	while (n--) { char *p = map(FP * PG, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0); if (!p) return FAIL; u64 t = now(); touchw(p, FP * PG); s += now() - t; munmap(p, FP * PG); }
	return s;
}
static u64 b_populate(u32 n)
{
	u64 s = 0;
	while (n--) { u64 t = now(); char *p = map(FP * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0); s += now() - t; if (!p) return FAIL; munmap(p, FP * PG); }
	return s;
}
static u64 cow(u32 n, int reuse)
{
	u64 s = 0;
	while (n--) {
		char *p = amap(FP * PG); if (!p) return FAIL;
		touchw(p, FP * PG);
		int fd[2]; if (pipe(fd)) return FAIL;
		pid_t c = fork(); if (c < 0) return FAIL;
		if (!c) { u64 t = 0; if (!reuse) { t = now(); touchw(p, FP * PG); t = now() - t; } if (write(fd[1], &t, 8) != 8) _exit(1); _exit(0); }
		u64 t = 0; int k = read(fd[0], &t, 8); close(fd[0]); close(fd[1]);
		if (reap(c) || k != 8) return FAIL;
		if (reuse) { t = now(); touchw(p, FP * PG); t = now() - t; }
		s += t; munmap(p, FP * PG);
	}
	return s;
}
static u64 b_cow(u32 n) { return cow(n, 0); }
static u64 b_cowreuse(u32 n) { return cow(n, 1); }

static int ffd = -1;
static int mkfile(size_t len)
{
	static char z[65536];
	if (ffd >= 0) close(ffd);
	ffd = open(fpath, O_CREAT | O_TRUNC | O_RDWR, 0600); if (ffd < 0) return -1;
	for (size_t o = 0; o < len; o += sizeof z) {
		for (size_t i = 0; i < sizeof z; i += PG) *(u32 *)(z + i) = (o + i) / PG;
		if (write(ffd, z, sizeof z) != (int)sizeof z) return -1;
	}
	return 0;
}
static u64 ffault(u32 n, int fl, int wr)
{
	u64 s = 0;
	while (n--) {
		char *p = map(FP * PG, RW, fl, ffd, 0); if (!p) return FAIL;
		u64 t = now();
		if (wr) touchw(p + 8, FP * PG - 8); else touchr(p, FP * PG);
		s += now() - t;
		for (u32 i = 0; i < FP; i += 97) if (*(u32 *)(p + i * PG) != i) { errno = EBADMSG; return FAIL; }
		munmap(p, FP * PG);
	}
	return s;
}
static u64 b_fsr(u32 n) { return ffault(n, MAP_SHARED, 0); }
static u64 b_fsw(u32 n) { return ffault(n, MAP_SHARED, 1); }
static u64 b_fpr(u32 n) { return ffault(n, MAP_PRIVATE, 0); }
static u64 b_fpw(u32 n) { return ffault(n, MAP_PRIVATE, 1); }
static u64 b_fsrand(u32 n)                        /* 16-page stride order, defeats nothing but pure sequential */
{
	u64 s = 0;
	while (n--) {
		volatile char *p = map(FP * PG, PROT_READ, MAP_SHARED, ffd, 0); if (!p) return FAIL;
		u64 t = now(); u32 k = 0;
		for (u32 i = 0; i < FP / 16; i++) k += p[i * 16 * PG];
		s += now() - t; munmap((void *)p, FP * PG);
	}
	return s;
}

/* ---- map / unmap / protect / move ---- */
static u64 b_mm1(u32 n) { u64 t = now(); while (n--) { char *p = amap(PG); if (!p) return FAIL; munmap(p, PG); } return now() - t; }
static u64 b_mm1t(u32 n) { u64 t = now(); while (n--) { char *p = amap(PG); if (!p) return FAIL; *p = 1; munmap(p, PG); } return now() - t; }
static u64 b_mm1m(u32 n) { u64 t = now(); while (n--) { char *p = amap(MB); if (!p) return FAIL; touchw(p, MB); munmap(p, MB); } return now() - t; }
static u64 mprot(u32 n, int pages, int idx)
{
	char *p = amap(pages * PG); if (!p) return FAIL;
	touchw(p, pages * PG);
	u64 t = now();
	for (u32 i = 0; i < n; i++) if (mprotect(p + idx * PG, PG, i & 1 ? RW : PROT_READ)) return FAIL;
	t = now() - t; munmap(p, pages * PG); return t;
}
static u64 b_mp1(u32 n) { return mprot(n, 1, 0); }
static u64 b_mp3(u32 n) { return mprot(n, 3, 1); }
static u64 b_mpfault(u32 n)                       /* protect, unprotect, write again */
{
	char *p = amap(PG); if (!p) return FAIL; *p = 1;
	u64 t = now();
	while (n--) { if (mprotect(p, PG, PROT_READ) || mprotect(p, PG, RW)) return FAIL; (*(volatile char *)p)++; }
	t = now() - t; munmap(p, PG); return t;
}
static u64 mrem(u32 n, size_t skew)
{
	char *a = amap_al(4 * MB, 4 * MB), *b = amap_al(8 * MB, 4 * MB); if (!a || !b) return FAIL;
	munmap(b, 8 * MB); b += skew; touchw(a, 4 * MB);
	u64 t = now();
	for (u32 i = 0; i < n; i++) {
		if (mremap(a, 4 * MB, 4 * MB, MREMAP_MAYMOVE | MREMAP_FIXED, b) != b) { munmap(a, 4 * MB); return FAIL; }
		char *x = a; a = b; b = x;
	}
	t = now() - t;
	for (size_t o = 0; o < 4 * MB; o += PG) if (a[o] != (char)(o >> 12 | 1)) { errno = EBADMSG; return FAIL; }
	munmap(a, 4 * MB); return t;
}
static u64 b_mrem_al(u32 n) { return mrem(n, 0); }
static u64 b_mrem_un(u32 n) { return mrem(n, PG); }
static u64 b_mremgrow(u32 n)
{
	char *p = amap(64 * PG); if (!p) return FAIL; munmap(p + PG, 63 * PG); *p = 1;
	u64 t = now();
	while (n--) { if (mremap(p, PG, 2 * PG, 0) != p || mremap(p, 2 * PG, PG, 0) != p) return FAIL; }
	t = now() - t; munmap(p, PG); return t;
}
static u64 b_brk(u32 n)
{
	char *c = (char *)syscall(SYS_brk, 0);
	u64 t = now();
	while (n--) {
		if ((char *)syscall(SYS_brk, c + 16 * PG) != c + 16 * PG) { errno = ENOMEM; return FAIL; }
		touchw(c + PG, 15 * PG);
		if ((char *)syscall(SYS_brk, c) != c) { errno = EINVAL; return FAIL; }
	}
	return now() - t;
}
static u64 b_dontneed(u32 n)
{
	char *p = amap(256 * PG); if (!p) return FAIL;
	u64 t = now();
	while (n--) { touchw(p, 256 * PG); if (madvise(p, 256 * PG, MADV_DONTNEED)) return FAIL; }
	t = now() - t; munmap(p, 256 * PG); return t;
}
static u64 b_mincore(u32 n)
{
	static unsigned char v[1024]; char *p = amap(1024 * PG); if (!p) return FAIL; touchw(p, 1024 * PG);
	u64 t = now(); while (n--) if (mincore(p, 1024 * PG, v)) return FAIL;
	t = now() - t; munmap(p, 1024 * PG);
	for (int i = 0; i < 1024; i++) if (!(v[i] & 1)) { errno = EBADMSG; return FAIL; }
	return t;
}
static volatile char *segpage;
static void on_segv(int s) { (void)s; mprotect((void *)segpage, PG, RW); }
static u64 b_segv(u32 n)
{
	struct sigaction sa = { .sa_handler = on_segv }, old;
	segpage = amap(PG); if (!segpage) return FAIL;
	*segpage = 1;
	if (sigaction(SIGSEGV, &sa, &old)) return FAIL;
	u64 t = now();
	while (n--) { if (mprotect((void *)segpage, PG, PROT_READ)) return FAIL; *segpage = 2; }
	t = now() - t; sigaction(SIGSEGV, &old, NULL); munmap((void *)segpage, PG); return t;
}

/* ---- many VMAs on one file ---- */
#define NV 10000u
static void vma_file(void)
{
	if (!wanted("vma10k_")) return;
	static char *a[NV]; u64 r[4][8]; int R = reps > 3 ? 3 : reps, bad = 0;
	static const char *nm[4] = { "vma10k_map", "vma10k_touch", "vma10k_trunc", "vma10k_unmap" };
	for (int dist = 0; dist < 2 && !bad; dist++) {  /* 0: all VMAs map page 0; 1: VMA i maps page i */
		for (int k = 0; k < R; k++) {
			if (mkfile(dist ? (NV + 16) * PG & ~65535u : 65536)) { say("vma10k_map - %s\n", en(errno)); return; }
			u64 t = now(); u32 i;
			for (i = 0; i < NV; i++) {
				/* the alternating length keeps neighbours from merging even when offsets line up */
				a[i] = map(PG, i & 1 ? RW : PROT_READ, MAP_SHARED, ffd, dist ? (off_t)i * PG : 0);
				if (!a[i]) { say("%s - %s at=%u\n", nm[0], en(errno), i); bad = 1; break; }
			}
			r[0][k] = now() - t;
			if (bad) { while (i--) munmap(a[i], PG); break; }
			t = now(); u32 want = 0, s = 0;
			for (i = 0; i < NV; i++) { s += *(volatile u32 *)a[i]; want += dist ? i : 0; }
			r[1][k] = now() - t;
			if (s != want) { say("%s - CONTENT\n", nm[1]); }
			t = now(); if (ftruncate(ffd, 0)) r[2][k] = 0; else r[2][k] = now() - t;
			t = now(); for (i = 0; i < NV; i++) munmap(a[i], PG);
			r[3][k] = now() - t;
		}
		for (int j = 0; j < 4 && !bad; j++) {
			qsort(r[j], R, sizeof r[j][0], cmp64);
			say("%s_%s %.1f %s min=%.1f max=%.1f n=%u\n", nm[j], dist ? "distinct" : "samepage", (double)r[j][R / 2] / NV, U(), (double)r[j][0] / NV, (double)r[j][R - 1] / NV, NV);
		}
	}
}

/* ---- nonlinear ---- */
static void rfp(void)
{
	if (!wanted("rfp_")) return;
	enum { N = 1024 }; static u32 pm[N]; u64 r[3][8]; int R = reps > 3 ? 3 : reps, vmas = 0;
	if (mkfile(N * PG)) { say("rfp_call - %s\n", en(errno)); return; }
	for (int k = 0; k < R; k++) {
		for (u32 i = 0; i < N; i++) pm[i] = i;
		for (u32 i = N - 1; i; i--) { u32 j = rnd() % (i + 1), x = pm[i]; pm[i] = pm[j]; pm[j] = x; }
		char *p = map(N * PG, RW, MAP_SHARED, ffd, 0); if (!p) { say("rfp_call - %s\n", en(errno)); return; }
		u64 t = now();
		for (u32 i = 0; i < N; i++) if (syscall(SYS_remap_file_pages, p + i * PG, PG, 0, pm[i], 0)) { say("rfp_call - %s at=%u\n", en(errno), i); munmap(p, N * PG); return; }
		r[0][k] = now() - t;
		FILE *f = fopen("/proc/self/maps", "r"); int c; vmas = 0;
		if (f) { while ((c = getc(f)) != EOF) vmas += c == '\n'; fclose(f); }
		u32 bad = 0; t = now();
		for (u32 i = 0; i < N; i++) bad += *(volatile u32 *)(p + i * PG) != pm[i];
		r[1][k] = now() - t;
		if (bad) say("rfp_touch - CONTENT bad=%u\n", bad);
		t = now(); munmap(p, N * PG); r[2][k] = now() - t;
	}
	static const char *nm[3] = { "rfp_call", "rfp_touch", "rfp_unmap" };
	for (int j = 0; j < 3; j++) {
		qsort(r[j], R, sizeof r[j][0], cmp64);
		say("%s %.1f %s min=%.1f max=%.1f n=%d vmas=%d\n", nm[j], (double)r[j][R / 2] / N, U(), (double)r[j][0] / N, (double)r[j][R - 1] / N, N, vmas);
	}
}

/* ---- threads ---- */
enum { TF_OWN, TF_SAME, TF_MM1, TF_MMT, TF_MAPPER };
struct th { pthread_t t; int id, kind; u32 n; u64 t0, t1, ops; char *base; };
static pthread_barrier_t bar; static volatile int stop_mapper;
#define TP 512u
static void *thmain(void *v)
{
	struct th *h = v; char *p = h->base;
	if (h->kind == TF_OWN) p = amap(TP * PG);
	pthread_barrier_wait(&bar);
	h->t0 = now();
	switch (h->kind) {
	case TF_OWN: case TF_SAME:
		for (u32 i = 0; i < h->n; i++) { touchw(p, TP * PG); madvise(p, TP * PG, MADV_DONTNEED); h->ops += TP; }
		break;
	case TF_MM1: for (u32 i = 0; i < h->n; i++) { char *q = amap(PG); munmap(q, PG); h->ops++; } break;
	case TF_MMT: for (u32 i = 0; i < h->n; i++) { char *q = amap(16 * PG); if (q) { touchw(q, 16 * PG); munmap(q, 16 * PG); } h->ops++; } break;
	case TF_MAPPER: while (!stop_mapper) { char *q = amap(16 * PG); if (q) { *q = 1; munmap(q, 16 * PG); } h->ops++; } break;
	}
	h->t1 = now();
	if (h->kind == TF_OWN) munmap(p, TP * PG);
	return NULL;
}
/* nt threads of `kind`, plus one mapper if mapper!=0; returns elapsed and total ops */
static u64 thrun(int kind, int nt, int mapper, u32 n, u64 *ops, u64 *mops)
{
	static struct th h[9]; int tot = nt + (mapper ? 1 : 0); char *base = NULL;
	pthread_attr_t at; pthread_attr_init(&at); pthread_attr_setstacksize(&at, 64 * 1024);
	if (kind == TF_SAME) { base = amap((size_t)nt * TP * PG); if (!base) return FAIL; }
	pthread_barrier_init(&bar, NULL, tot); stop_mapper = 0; memset(h, 0, sizeof h);
	for (int i = 0; i < tot; i++) {
		h[i].id = i; h[i].kind = i < nt ? kind : TF_MAPPER; h[i].n = n; h[i].base = base + (size_t)i * TP * PG;
		int e = pthread_create(&h[i].t, &at, thmain, &h[i]);
		if (e) { errno = e; return FAIL; }      /* threads already waiting stay blocked; run ends soon */
	}
	for (int i = 0; i < nt; i++) pthread_join(h[i].t, NULL);
	stop_mapper = 1; if (mapper) pthread_join(h[nt].t, NULL);
	u64 a = h[0].t0, b = h[0].t1; *ops = 0;
	for (int i = 0; i < nt; i++) { if (h[i].t0 < a) a = h[i].t0; if (h[i].t1 > b) b = h[i].t1; *ops += h[i].ops; }
	*mops = mapper ? h[nt].ops : 0;
	if (base) munmap(base, (size_t)nt * TP * PG);
	pthread_barrier_destroy(&bar); return b - a;
}
static void thbench(const char *name, int kind, int mapper)
{
	static const int NT[] = { 1, 2, 4 }; char nm[64];
	for (int k = 0; k < 3; k++) {
		int nt = NT[k]; u32 n = 1; u64 t, ops, mops, v[8], mv = 0; int R = reps > 5 ? 5 : reps;
		snprintf(nm, sizeof nm, "%s_%dt", name, nt); if (!wanted(nm)) continue;
		for (;;) {
			t = thrun(kind, nt, mapper, n, &ops, &mops); if (t == FAIL) { say("%s - %s\n", nm, en(errno)); return; }
			if (t > target) break;
			u64 m = t ? target * n / t * 5 / 4 + 1 : n * 8ull; if (m > n * 16ull) m = n * 16ull; if (m <= n) m = n + 1; n = m;
		}
		for (int i = 0; i < R; i++) { t = thrun(kind, nt, mapper, n, &ops, &mops); if (t == FAIL) { say("%s - %s\n", nm, en(errno)); return; } v[i] = t; mv += mops * 1000000ull / (t ? t : 1); }
		qsort(v, R, sizeof v[0], cmp64);
		say("%s %.1f %s min=%.1f max=%.1f rate=%.0f/s", nm, (double)v[R / 2] / ops, U(), (double)v[0] / ops, (double)v[R - 1] / ops, ops * 1e9 / v[R / 2]);
		if (mapper) say(" mapper=%llu/ms", (unsigned long long)(mv / R));
		say(" n=%u\n", n);
	}
}

/* ---- switching ---- */
static u64 b_pipe(u32 n)
{
	int a[2], b[2]; char c = 0; if (pipe(a) || pipe(b)) return FAIL;
	pid_t p = fork(); if (p < 0) return FAIL;
	if (!p) { close(a[1]); close(b[0]); while (read(a[0], &c, 1) == 1) if (write(b[1], &c, 1) != 1) break; _exit(0); }
	close(a[0]); close(b[1]);
	u64 t = now();
	for (u32 i = 0; i < n; i++) if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1) return FAIL;
	t = now() - t; close(a[1]); close(b[0]); return reap(p) ? FAIL : t;
}
static int pf[4];
static void *ponger(void *v) { char c; (void)v; while (read(pf[0], &c, 1) == 1 && c == 0) if (write(pf[3], &c, 1) != 1) break; return NULL; }
static u64 b_pipethr(u32 n)
{
	char c = 0; pthread_t th; if (pipe(pf) || pipe(pf + 2)) return FAIL;
	int e = pthread_create(&th, NULL, ponger, NULL); if (e) { errno = e; return FAIL; }
	u64 t = now();
	for (u32 i = 0; i < n; i++) if (write(pf[1], &c, 1) != 1 || read(pf[2], &c, 1) != 1) return FAIL;
	t = now() - t; c = 1; if (write(pf[1], &c, 1) != 1) return FAIL; pthread_join(th, NULL);
	for (int i = 0; i < 4; i++) close(pf[i]);
	return t;
}
static u64 b_unix(u32 n)
{
	int s[2]; char c = 0; if (socketpair(AF_UNIX, SOCK_STREAM, 0, s)) return FAIL;
	pid_t p = fork(); if (p < 0) return FAIL;
	if (!p) { close(s[0]); while (read(s[1], &c, 1) == 1) if (write(s[1], &c, 1) != 1) break; _exit(0); }
	close(s[1]);
	u64 t = now();
	for (u32 i = 0; i < n; i++) if (write(s[0], &c, 1) != 1 || read(s[0], &c, 1) != 1) return FAIL;
	t = now() - t; close(s[0]); return reap(p) ? FAIL : t;
}
static u64 b_unix64k(u32 n)
{
	static char buf[64 << 10]; int s[2]; if (socketpair(AF_UNIX, SOCK_STREAM, 0, s)) return FAIL;
	memset(buf, 1, sizeof buf);
	u64 t = now();
	for (u32 i = 0; i < n; i++) if (write(s[0], buf, sizeof buf) != sizeof buf || recv(s[1], buf, sizeof buf, MSG_WAITALL) != sizeof buf) return FAIL;
	t = now() - t; close(s[0]); close(s[1]); return t;
}
static u64 b_unixcon(u32 n)
{
	struct sockaddr_un un = { AF_UNIX, "\0vmbench" }; socklen_t len = 10; int l = socket(AF_UNIX, SOCK_STREAM, 0);
	if (l < 0 || bind(l, (void *)&un, len) || listen(l, 5)) return FAIL;
	u64 t = now();
	while (n--) {
		int c = socket(AF_UNIX, SOCK_STREAM, 0), a; if (connect(c, (void *)&un, len) || (a = accept(l, NULL, NULL)) < 0) return FAIL;
		close(c); close(a);
	}
	t = now() - t; close(l); return t;
}
static u64 b_shmat(u32 n)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600); if (id < 0) return FAIL;
	u64 t = now();
	while (n--) { char *p = shmat(id, NULL, 0); if (p == (void *)-1) return FAIL; *p = 1; shmdt(p); }
	t = now() - t; shmctl(id, IPC_RMID, NULL); return t;
}
static u64 b_semop(u32 n)
{
	int id = semget(IPC_PRIVATE, 1, 0600); struct sembuf up = { 0, 1, 0 }, down = { 0, -1, 0 }; if (id < 0) return FAIL;
	u64 t = now();
	while (n--) if (semop(id, &up, 1) || semop(id, &down, 1)) return FAIL;
	t = now() - t; semctl(id, 0, IPC_RMID); return t;
}
static u64 b_yield(u32 n) { u64 t = now(); while (n--) syscall(SYS_sched_yield); return now() - t; }

/* ---- bandwidth ---- */
static u64 b_mset_f(u32 n)
{ u64 s = 0; while (n--) { char *p = amap_al(16 * MB, 4 * MB); if (!p) return FAIL; u64 t = now(); memset(p, 7, 16 * MB); s += now() - t; munmap(p, 16 * MB); } return s; }
static u64 b_mset_w(u32 n)
{ char *p = amap_al(16 * MB, 4 * MB); if (!p) return FAIL; memset(p, 1, 16 * MB); u64 t = now(); while (n--) { memset(p, n, 16 * MB); __asm__ volatile("" ::: "memory"); } t = now() - t; munmap(p, 16 * MB); return t; }
static u64 b_mcpy_f(u32 n)
{
	u64 s = 0; char *q = amap_al(16 * MB, 4 * MB); if (!q) return FAIL; memset(q, 3, 16 * MB);
	while (n--) { char *p = amap_al(16 * MB, 4 * MB); if (!p) return FAIL; u64 t = now(); memcpy(p, q, 16 * MB); s += now() - t; munmap(p, 16 * MB); }
	munmap(q, 16 * MB); return s;
}
static u64 b_read(u32 n)
{ static char b[65536]; u64 t = now(); while (n--) for (u32 o = 0; o < FP * PG; o += sizeof b) if (pread(ffd, b, sizeof b, o) != (int)sizeof b) return FAIL; return now() - t; }
static u64 b_write(u32 n)
{ static char b[65536]; u64 t = now(); while (n--) for (u32 o = 0; o < FP * PG; o += sizeof b) if (pwrite(ffd, b, sizeof b, o) != (int)sizeof b) return FAIL; return now() - t; }

/* ---- mlock, msync ---- */
static u64 mlk(u32 n, int pre)
{
	char *p = amap(16 * MB); if (!p) return FAIL; u64 s = 0;
	if (pre) touchw(p, 16 * MB);
	while (n--) {
		u64 t = now();
		if (mlock(p, 16 * MB) || munlock(p, 16 * MB)) { munmap(p, 16 * MB); return FAIL; }
		s += now() - t;
		if (!pre) { munmap(p, 16 * MB); p = amap(16 * MB); if (!p) return FAIL; }
	}
	munmap(p, 16 * MB); return s;
}
static u64 b_mlk_cold(u32 n) { return mlk(n, 0); }
static u64 b_mlk_hot(u32 n) { return mlk(n, 1); }
static u64 msy(u32 n, int fl)
{
	char *p = map(256 * PG, RW, MAP_SHARED, ffd, 0); if (!p) return FAIL; u64 t = now();
	while (n--) { touchw(p + 8, 255 * PG); if (msync(p, 256 * PG, fl)) return FAIL; }
	t = now() - t; munmap(p, 256 * PG); return t;
}
static u64 b_msync_s(u32 n) { return msy(n, MS_SYNC); }
static u64 b_msync_a(u32 n) { return msy(n, MS_ASYNC); }

/* ---- swap and reclaim (need a swap device; -S MB / -P MB) ---- */
static long vmstat(const char *k)
{
	FILE *f = fopen("/proc/vmstat", "r"); char n[64]; long v; if (!f) return -1;
	while (fscanf(f, "%63s %ld", n, &v) == 2) if (!strcmp(n, k)) { fclose(f); return v; }
	fclose(f); return -1;
}
static long meminfo(const char *k)
{
	FILE *f = fopen("/proc/meminfo", "r"); char l[128]; long v = -1; size_t n = strlen(k); if (!f) return -1;
	while (fgets(l, sizeof l, f)) if (!strncmp(l, k, n) && l[n] == ':') { v = atol(l + n + 1); break; }
	fclose(f); return v;
}
static void fillpg(u32 *p, u32 s) { for (u32 i = 0; i < 1024; i++) p[i] = s = s * 1664525u + 1013904223u; }
static u32 checkpg(u32 *p, u32 s) { for (u32 i = 0; i < 1024; i++) if (p[i] != (s = s * 1664525u + 1013904223u)) return 1; return 0; }
static void swaptest(u32 mb)
{
	static char *c[4096]; u32 nc = mb / 4, np = nc * 1024, bad = 0; long o0 = vmstat("pswpout"), i0 = vmstat("pswpin");
	for (u32 i = 0; i < nc; i++) { c[i] = amap(4 * MB); if (!c[i]) { say("swap_fill - %s at=%uMB\n", en(errno), i * 4); return; } }
	u64 t = now();
	for (u32 i = 0; i < np; i++) fillpg((u32 *)(c[i >> 10] + (i & 1023) * PG), i * 2654435761u);
	t = now() - t; long o1 = vmstat("pswpout"), i1 = vmstat("pswpin");
	say("swap_fill %.1f %s pages=%u MBps=%.1f pswpout=%ld pswpin=%ld\n", (double)t / np, U(), np, mb * 1e9 / t, o1 - o0, i1 - i0);
	t = now(); for (u32 i = 0; i < np; i++) bad += checkpg((u32 *)(c[i >> 10] + (i & 1023) * PG), i * 2654435761u);
	t = now() - t; o0 = vmstat("pswpout"); i0 = vmstat("pswpin");
	say("swap_readback %.1f %s pages=%u MBps=%.1f pswpout=%ld pswpin=%ld bad=%u\n", (double)t / np, U(), np, mb * 1e9 / t, o0 - o1, i0 - i1, bad);
	t = now(); u32 k = np / 8; bad = 0;
	for (u32 j = 0; j < k; j++) { u32 i = rnd() % np; u32 *p = (u32 *)(c[i >> 10] + (i & 1023) * PG); bad += checkpg(p, i * 2654435761u); *(volatile u32 *)p = *p; }
	t = now() - t; o1 = vmstat("pswpout"); i1 = vmstat("pswpin");
	say("swap_random %.1f %s pages=%u pswpout=%ld pswpin=%ld bad=%u\n", (double)t / k, U(), k, o1 - o0, i1 - i0, bad);
	for (u32 i = 0; i < nc; i++) munmap(c[i], 4 * MB);
}
/* one explicit pageout of private memory with MADV_PAGEOUT, then refault */
static void pageout1(void)
{
	if (!wanted("madv_pageout")) return;
	enum { N = 2048 }; char *p = amap(N * PG); if (!p) return; u32 bad = 0;
	for (u32 i = 0; i < N; i++) fillpg((u32 *)(p + i * PG), i + 7);
	long o0 = vmstat("pswpout"); u64 t = now();
	if (madvise(p, N * PG, MADV_PAGEOUT)) { say("madv_pageout - %s\n", en(errno)); munmap(p, N * PG); return; }
	t = now() - t; long o1 = vmstat("pswpout");
	say("madv_pageout %.1f %s pages=%d pswpout=%ld\n", (double)t / N, U(), N, o1 - o0);
	t = now(); touchr(p, N * PG); t = now() - t;
	for (u32 i = 0; i < N; i++) bad += checkpg((u32 *)(p + i * PG), i + 7);
	say("madv_pageout_refault %.1f %s bad=%u\n", (double)t / N, U(), bad);
	munmap(p, N * PG);
}
/* nchild processes share `mb` MB (kind 0 MAP_SHARED anon, 1 fork-inherited private anon, 2 file);
 * then a hog touches hogmb MB so the shared set has to be paged out through the reverse map. */
static void pressure(int kind, u32 nchild, u32 mb, u32 hogmb)
{
	static const char *kn[] = { "sh", "cow", "file" }; char nm[64]; static pid_t pid[512]; u32 np = mb * 256;
	snprintf(nm, sizeof nm, "rmap_pressure_%s_%u", kn[kind], nchild); if (!wanted(nm)) return;
	char *p;
	if (kind == 2) { if (mkfile(65536) || ftruncate(ffd, (off_t)mb * MB)) { say("%s - %s\n", nm, en(errno)); return; } p = map(mb * MB, RW, MAP_SHARED, ffd, 0); }
	else p = map(mb * MB, RW, (kind ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);
	if (!p) { say("%s - %s\n", nm, en(errno)); return; }
	for (u32 i = 0; i < np; i++) fillpg((u32 *)(p + i * PG), i ^ 0x5bd1e995);
	int go[2], rd[2]; char ch; u32 k; if (pipe(go) || pipe(rd)) return;
	for (k = 0; k < nchild; k++) {
		pid[k] = fork();
		if (pid[k] < 0) { say("%s - %s at=%u\n", nm, en(errno), k); break; }
		if (!pid[k]) {
			u32 bad = 0; touchr(p, mb * MB);
			if (write(rd[1], "r", 1) != 1 || read(go[0], &ch, 1) != 1) _exit(3);
			for (u32 i = 0; i < np; i++) bad += checkpg((u32 *)(p + i * PG), i ^ 0x5bd1e995);
			_exit(bad ? 2 : 0);
		}
		if (read(rd[0], &ch, 1) != 1) break;
	}
	long o0 = vmstat("pswpout"); int hp[2]; if (pipe(hp)) return;
	pid_t hog = fork();
	if (!hog) {
		u64 t; char *q[1024]; u32 n = hogmb / 4; if (n > 1024) n = 1024;
		for (u32 i = 0; i < n; i++) if (!(q[i] = amap(4 * MB))) _exit(1);
		t = now(); for (u32 i = 0; i < n; i++) touchw(q[i], 4 * MB);
		t = now() - t; if (write(hp[1], &t, 8) != 8) _exit(1);
		_exit(0);
	}
	u64 t = 0; int st, hb = 0; waitpid(hog, &st, 0); if (st) hb = st; else if (read(hp[0], &t, 8) != 8) hb = -1;
	long o1 = vmstat("pswpout"); u32 bad = 0; u64 v = now();
	for (u32 i = 0; i < k; i++) if (write(go[1], "g", 1) != 1) break;
	for (u32 i = 0; i < k; i++) { waitpid(pid[i], &st, 0); bad += st != 0; }
	v = now() - v;
	say("%s %.1f %s hogMB=%u pswpout=%ld hogstatus=%d badchildren=%u verify_per_page=%.1f\n", nm, (double)t / (hogmb * 256.0), U(), hogmb, o1 - o0, hb, bad, (double)v / ((double)np * (k ? k : 1)));
	close(go[0]); close(go[1]); close(rd[0]); close(rd[1]); close(hp[0]); close(hp[1]); munmap(p, mb * MB);
	if (kind == 2 && ftruncate(ffd, 0)) return;
}

/* ---- how many processes can share one big mapping (-M kind:MB:max) ----
 * kind f: MAP_SHARED tmpfs file, read touch; w: same, write touch; a: fork-inherited private anon; n: nothing mapped */
static void memline(const char *tag, u32 n, u64 t)
{
	say("%s n=%u t=%.3fs LowFree=%ld HighFree=%ld PageTables=%ld Slab=%ld SUnreclaim=%ld KernelStack=%ld MemAvail=%ld\n", tag, n, t / 1e9, meminfo("LowFree"), meminfo("HighFree"),
	    meminfo("PageTables"), meminfo("Slab"), meminfo("SUnreclaim"), meminfo("KernelStack"), meminfo("MemAvailable"));
}
static void oom_adj(const char *v)
{ int fd = open("/proc/self/oom_score_adj", O_WRONLY); if (fd >= 0) { if (write(fd, v, strlen(v)) < 0) {} close(fd); } }
static void manymap(char kind, u32 mb, u32 max, u32 step)
{
	static pid_t pid[200000]; int rd[2], go[2]; char ch; u32 k; char *p = NULL; size_t len = (size_t)mb * MB;
	if (max > 200000) max = 200000;
	if (pipe(go)) return;
	oom_adj("-1000");
	memline("manymap_base", 0, 0);
	u64 t0 = now();
	if (kind == 'f' || kind == 'w') {
		ffd = open(fpath, O_CREAT | O_TRUNC | O_RDWR, 0600);
		if (ffd < 0 || ftruncate(ffd, len)) { say("manymap - %s\n", en(errno)); return; }
		p = map(len, RW, MAP_SHARED, ffd, 0); if (!p) { say("manymap - %s\n", en(errno)); return; }
		touchw(p, len); munmap(p, len);
	} else if (kind == 'a') { p = amap(len); if (!p) { say("manymap - %s\n", en(errno)); return; } touchw(p, len); }
	memline("manymap_filled", 0, now() - t0);
	t0 = now();
	for (k = 0; k < max; k++) {
		int st;
		if (pipe(rd)) { say("manymap_stop n=%u reason=pipe:%s\n", k, en(errno)); break; }
		pid[k] = fork();
		if (pid[k] < 0) { say("manymap_stop n=%u reason=fork:%s\n", k, en(errno)); break; }
		if (!pid[k]) {
			close(rd[0]); close(go[1]); oom_adj("0"); ch = 'r';
			if (kind == 'f' || kind == 'w') {
				p = map(len, RW, MAP_SHARED, ffd, 0);
				if (!p) ch = 'm'; else if (kind == 'w') touchw(p, len); else touchr(p, len);
			} else if (kind == 'a') touchr(p, len);
			if (write(rd[1], &ch, 1) != 1) _exit(1);
			close(rd[1]);
			if (read(go[0], &ch, 1) < 0) _exit(1);
			_exit(0);
		}
		close(rd[1]); int r = read(rd[0], &ch, 1); close(rd[0]);
		if (r != 1 || ch != 'r') { say("manymap_stop n=%u reason=%s\n", k, r != 1 ? "child-died" : "mmap-failed"); k++; break; }
		if (k == 0 || (k + 1) % step == 0) { memline("manymap", k + 1, now() - t0); t0 = now(); }
		pid_t w = waitpid(-1, &st, WNOHANG);     /* notice silently killed children */
		if (w > 0) { say("manymap_stop n=%u reason=killed status=%x\n", k + 1, st); k++; break; }
	}
	memline("manymap_end", k, 0);
	for (u32 i = 0; i < k; i++) if (pid[i] > 0) kill(pid[i], SIGKILL);
	u64 t = now(); for (u32 i = 0; i < k; i++) if (pid[i] > 0) waitpid(pid[i], NULL, 0);
	memline("manymap_reaped", k, now() - t);
}

int main(int ac, char **av)
{
	if (ac == 2 && !strcmp(av[1], "--exit")) _exit(0);
	self_path = "/proc/self/exe";
	if (av[0][0] == '/') self_path = av[0];
	u32 swapmb = 0, hog = 0, pmb = 16, onlyswap = 0; char *mm = NULL; int o;
	while ((o = getopt(ac, av, "t:r:TS:P:Q:d:HM:O")) != -1) switch (o) {
	case 't': target = strtoul(optarg, 0, 0) * 1000000ull; break;
	case 'r': reps = atoi(optarg); break;
	case 'T': use_tsc = 1; break;
	case 'S': swapmb = atoi(optarg); break;
	case 'P': hog = atoi(optarg); break;
	case 'Q': pmb = atoi(optarg); break;
	case 'd': dir = optarg; break;
	case 'H': huge = 1; break;
	case 'M': mm = optarg; break;
	case 'O': onlyswap = 1; break;
	default: say("usage: vmbench [-T] [-t ms] [-r reps] [-d dir] [-H] [-S swapMB] [-P hogMB [-Q sharedMB]] [-O] [-M kind:MB:max:step] [prefix...]\n"); return 2; }
	filter = av + optind; nfilter = ac - optind; if (reps < 1) reps = 1;
	if (!huge) prctl(41 /* PR_SET_THP_DISABLE */, 1, 0, 0, 0);
	snprintf(fpath, sizeof fpath, "%s/vmb.%d", dir, (int)getpid());
	snprintf(epath, sizeof epath, "%s/vmx.%d", dir, (int)getpid());
	if (mm) {
		char k = mm[0]; u32 mb = 0, mx = 0, st = 10; sscanf(mm + 1, ":%u:%u:%u", &mb, &mx, &st);
		manymap(k, mb, mx, st ? st : 1); unlink(fpath); return 0;
	}
	if (!onlyswap) {
	run("null_int80", b_null80, 1, 1u << 24);
	run("null_libc", b_nulllibc, 1, 1u << 24);
	run("clock_gettime_sys", b_gettime, 1, 1u << 24);
	run("clock_gettime_libc", b_gettime_libc, 1, 1u << 24);
	run("fork_exit_wait", b_fork, 1, 4096);
	run("fork_64M_anon", b_fork64, 1, 64);
	run("fork_64M_shared", b_fork64sh, 1, 64);
	if (mk_tiny()) say("fork_exec_tiny - %s\n", en(errno));
	else { run("fork_exec_tiny", b_exec, 1, 4096); run("vfork_exec_tiny", b_vexec, 1, 4096); }
	unlink(epath);
	run("fork_exec_static", b_execself, 1, 4096);
	run("anon_fault_write", b_anonw, FP, 256);
	run("anon_fault_read", b_anonr, FP, 256);
	run("anon_populate", b_populate, FP, 256);
	run("shanon_fault_write", b_shanon, FP, 256);
	run("unmap_touched", b_zap, FP, 256);
	run("cow_fault", b_cow, FP, 64);
	run("cow_reuse_fault", b_cowreuse, FP, 64);
	if (mkfile(FP * PG)) say("file_fault - %s\n", en(errno));
	else {
		run("file_fault_shared_read", b_fsr, FP, 256);
		run("file_fault_private_read", b_fpr, FP, 256);
		run("file_fault_shared_write", b_fsw, FP, 256);
		run("file_fault_private_write", b_fpw, FP, 256);
		run("file_fault_read_1of16", b_fsrand, FP / 16, 256);
		run("file_read_64K", b_read, FP * PG / 65536, 256);
		run("msync_sync_1M", b_msync_s, 1, 1u << 16);
		run("msync_async_1M", b_msync_a, 1, 1u << 16);
		run("file_write_64K", b_write, FP * PG / 65536, 256);
	}
	run("mmap_munmap_1p", b_mm1, 1, 1u << 20);
	run("mmap_touch_munmap_1p", b_mm1t, 1, 1u << 20);
	run("mmap_touch_munmap_1M", b_mm1m, 1, 1u << 16);
	run("mprotect_1p", b_mp1, 1, 1u << 20);
	run("mprotect_1p_split", b_mp3, 1, 1u << 20);
	run("mprotect_rw_write", b_mpfault, 1, 1u << 20);
	run("mremap_4M_aligned", b_mrem_al, 1, 1u << 16);
	run("mremap_4M_unaligned", b_mrem_un, 1, 1u << 16);
	run("mremap_grow_shrink", b_mremgrow, 1, 1u << 20);
	run("brk_64K", b_brk, 1, 1u << 16);
	run("dontneed_1M", b_dontneed, 1, 1u << 16);
	run("mincore_4M", b_mincore, 1, 1u << 16);
	run("segv_roundtrip", b_segv, 1, 1u << 20);
	vma_file();
	rfp();
	run("pipe_pingpong_proc", b_pipe, 1, 1u << 16);
	run("pipe_pingpong_thread", b_pipethr, 1, 1u << 16);
	run("unix_pingpong_proc", b_unix, 1, 1u << 16);
	run("unix_64K", b_unix64k, 1, 1u << 14);
	run("unix_connect", b_unixcon, 1, 1u << 16);
	run("shmat_touch_shmdt", b_shmat, 1, 1u << 16);
	run("semop_pair", b_semop, 1, 1u << 16);
	run("sched_yield", b_yield, 1, 1u << 22);
	run("memset_16M_fresh", b_mset_f, 1, 16);
	run("memset_16M_warm", b_mset_w, 1, 16);
	run("memcpy_16M_fresh", b_mcpy_f, 1, 16);
	run("mlock_munlock_16M_cold", b_mlk_cold, 1, 64);
	run("mlock_munlock_16M_hot", b_mlk_hot, 1, 64);
	thbench("thr_fault_own", TF_OWN, 0);
	thbench("thr_fault_same_vma", TF_SAME, 0);
	thbench("thr_mmap_1p", TF_MM1, 0);
	thbench("thr_mmap_touch_16p", TF_MMT, 0);
	thbench("thr_fault_with_mapper", TF_OWN, 1);
	}
	if (swapmb || hog) pageout1();
	if (swapmb) swaptest(swapmb);
	if (hog) for (int kind = 0; kind < 3; kind++) for (u32 n = 1; n <= 64; n *= 4) pressure(kind, n, pmb, hog);
	unlink(fpath); return 0;
}
