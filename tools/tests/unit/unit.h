/* SPDX-License-Identifier: MIT
 *
 * Host-compiled unit tests: one kernel data structure in an ordinary i386 process, under ASan and UBSan.
 *
 * A test is one file. A line of its first comment names the kernel sources that are linked with it:
 *      * unit: kernel/lib/rbtree.c mm/virt/vma_tree.c
 * Everything it calls beyond those comes from unit.c (printk, panic, kmalloc, slabs) or from the headers in shim/,
 * which stand before the kernel's own. `#include "mm/phys/buddy.c"` instead of naming it reaches static functions.
 */
#ifndef TOOLS_TESTS_UNIT_H
#define TOOLS_TESTS_UNIT_H

#include "kernel/lib/types.h"

/* TEST(name) { ... CHECK(...); }  Tests of a file run in the order in which they stand. */
struct unit_test {
	const char *name;
	void (*run)(void);
	struct unit_test *next;
};
void unit_register(struct unit_test *t);
#define TEST(fn)                                                                        \
	static void fn(void);                                                           \
	static struct unit_test unit_##fn = { #fn, fn, NULL };                          \
	static void __attribute__((constructor)) unit_reg_##fn(void) { unit_register(&unit_##fn); } \
	static void fn(void)

/* => a failed CHECK is reported with its place; the test goes on. REQUIRE leaves the test. */
void unit_failed(const char *file, int line, const char *what);
#define CHECK(x) ((x) ? (void)0 : unit_failed(__FILE__, __LINE__, #x))
#define REQUIRE(x) do { if (!(x)) { unit_failed(__FILE__, __LINE__, #x); return; } } while (0)

/* The body must panic (BUG_ON, ASSERT): if (UNIT_CATCH_PANIC()) { ...; } CHECK(unit_panicked()); */
extern void *unit_jump[5];
extern bool unit_catching, unit_caught;
#define UNIT_CATCH_PANIC() (unit_catching = true, unit_caught = false, !__builtin_setjmp(unit_jump))
bool unit_panicked(void);

/* The nth allocation from now on fails (1 is the next); 0: none. unit_allocs() counts what is still out. */
void unit_fail_nth(unsigned n);
bool unit_failure_hit(void); /* did that allocation come? */
long unit_allocs(void);

u32 unit_random(void); /* same sequence in each run; UNIT_SEED=N changes it */

/* The few functions of the host's C library that tests use. */
int printf(const char *fmt, ...) __printf(1, 2);
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void free(void *p);
void exit(int status) __noreturn;
void abort(void) __noreturn;
char *getenv(const char *name);

#endif
