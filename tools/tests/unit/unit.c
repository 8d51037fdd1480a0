/* SPDX-License-Identifier: MIT
 *
 * The shim under host-compiled unit tests: runs the tests of a file as TAP, and stands in for the parts of the
 * kernel below a data structure (printk, panic, memory). Built with the kernel's headers, linked with the host's libc.
 * All of it is weak: a test that links the real thing gets the real thing.
 */
#include "tools/tests/unit/unit.h"

size_t copy_from_user(void *to, const void *from, size_t n);
size_t copy_to_user(void *to, const void *from, size_t n);
void panic(const char *fmt, ...) __printf(1, 2);
#define weak __attribute__((weak))

void *aligned_alloc(size_t align, size_t size);
int vprintf(const char *fmt, va_list ap);
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
size_t malloc_usable_size(void *p);
int fflush(void *file);
unsigned long strtoul(const char *s, char **end, int base);

static struct unit_test *tests, **tests_end = &tests;
static bool failed;
static unsigned fail_countdown;
static bool failure_hit;
static long allocs;
static u32 seed = 12345;
void *unit_jump[5];
bool unit_catching, unit_caught;

void unit_register(struct unit_test *t)
{
	*tests_end = t;
	tests_end = &t->next;
}

void unit_failed(const char *file, int line, const char *what)
{
	printf("# %s:%d: failed: %s\n", file, line, what);
	failed = true;
}

bool unit_panicked(void)
{
	unit_catching = false;
	return unit_caught;
}

u32 unit_random(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

void unit_fail_nth(unsigned n)
{
	fail_countdown = n;
	failure_hit = false;
}

bool unit_failure_hit(void) { return failure_hit; }
long unit_allocs(void) { return allocs; }

static bool fails_now(void)
{
	if (!fail_countdown || --fail_countdown)
		return false;
	return failure_hit = true;
}

/* --- what the kernel would give ------------------------------------------------------------------------------- */
weak int printk(const char *fmt, ...)
{
	va_list ap;
	int n;

	printf("# ");
	va_start(ap, fmt);
	n = vprintf(fmt, ap);
	va_end(ap);
	return n;
}

weak void panic(const char *fmt, ...)
{
	va_list ap;

	if (unit_catching) {
		unit_caught = true;
		__builtin_longjmp(unit_jump, 1);
	}
	printf("# panic: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(NULL);
	abort();
}

weak void *kmalloc(size_t size, u32 gfp)
{
	if (fails_now())
		return NULL;
	allocs++;
	return gfp & 0x80 /* __GFP_ZERO */ ? calloc(1, size) : malloc(size);
}
weak void *kzalloc(size_t size, u32 gfp) { return kmalloc(size, gfp | 0x80); }
weak void kfree(const void *p)
{
	allocs -= !!p;
	free((void *)p);
}
weak void *vmalloc(size_t size) { return kmalloc(size, 0); }
weak void vfree(const void *p) { kfree(p); }
weak void *kvmalloc(size_t size, u32 gfp) { return kmalloc(size, gfp); }
weak void kvfree(const void *p) { kfree(p); }
weak void *krealloc(void *old, size_t size, u32 gfp)
{
	void *p = kmalloc(size, gfp);

	if (p && old) {
		memcpy(p, old, min(size, malloc_usable_size(old)));
		kfree(old);
	}
	return p;
}

struct kmem_cache { size_t size, align; void (*ctor)(void *); };
weak struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *))
{
	struct kmem_cache *c = malloc(sizeof(*c));

	*c = (struct kmem_cache){ size, max(align, sizeof(void *)), ctor };
	return c;
}
weak int kmem_cache_destroy(struct kmem_cache *c)
{
	free(c);
	return 0;
}
weak void *kmem_cache_alloc(struct kmem_cache *c, u32 gfp)
{
	void *p;

	if (fails_now())
		return NULL;
	allocs++;
	p = aligned_alloc(c->align, ALIGN_UP(c->size, c->align));
	memset(p, gfp & 0x80 ? 0 : 0x5a, c->size);
	if (c->ctor)
		c->ctor(p);
	return p;
}
weak void kmem_cache_free(struct kmem_cache *c, void *p) { kfree(p); }

/* --- one CPU, one task ------------------------------------------------------------------------------------------ */
bool unit_irqs_off;
weak bool unit_irq;
const void *unit_bad_user;
weak struct task *current_task;
weak u32 preempt_count;
weak bool signal_pending_state(unsigned state) { return false; }

weak void spin_lock_slow(u32 *lock) { panic("deadlock: the lock at %p is held, and there is nobody else", lock); }
weak unsigned lockdep_class(const char *name) { return 0; }
weak bool lockdep_holds(const void *lock) { return true; }
weak void spin_lock_debug(u8 *lock, const char *text, unsigned subclass)
{
	if (*lock)
		panic("deadlock: %s", text);
	*lock = 1;
	preempt_count++;
}
weak bool spin_trylock_debug(u8 *lock, const char *text)
{
	if (*lock)
		return false;
	*lock = 1;
	preempt_count++;
	return true;
}
weak void spin_unlock_debug(u8 *lock, const char *text)
{
	if (!*lock)
		panic("not locked: %s", text);
	*lock = 0;
	preempt_count--;
}

weak size_t copy_from_user(void *to, const void *from, size_t n) { return from == unit_bad_user ? n : (memcpy(to, from, n), 0); }
weak size_t copy_to_user(void *to, const void *from, size_t n) { return to == unit_bad_user ? n : (memcpy(to, from, n), 0); }
weak size_t copy_from_user_nofault(void *to, const void *from, size_t n) { return copy_from_user(to, from, n); }
weak size_t copy_to_user_nofault(void *to, const void *from, size_t n) { return copy_to_user(to, from, n); }
weak size_t clear_user(void *to, size_t n) { return to == unit_bad_user ? n : (memset(to, 0, n), 0); }

/* --- running -------------------------------------------------------------------------------------------------- */
int main(void)
{
	const char *s = getenv("UNIT_SEED");
	unsigned n = 0, bad = 0;

	if (s)
		seed = strtoul(s, NULL, 0);
	for (struct unit_test *t = tests; t; t = t->next) {
		failed = false;
		unit_fail_nth(0);
		t->run();
		printf("%sok %u - %s\n", failed ? "not " : "", ++n, t->name);
		bad += failed;
	}
	printf("1..%u\n", n);
	return bad != 0;
}
