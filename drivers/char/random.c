/* SPDX-License-Identifier: MIT
 *
 * Random numbers: a pool that collects, a key made from it, and ChaCha20 (RFC 8439) that stretches the key.
 *
 *   RDSEED, RDRAND, RTC     \
 *   interrupts' time stamps  +-- absorb --> pool (64 bytes, a sponge over ChaCha's permutation)
 *   jitter of this CPU      /                 | squeeze at 256 bits credited, and each minute
 *                                             v
 *                                            key --> block: first half the next key, second half output
 *
 * The key is replaced with every use (fast key erasure: Bernstein 2017), so that what was handed out cannot be computed
 * from what is in memory later.
 *
 * Honesty: only what cannot be predicted is credited. RDSEED counts in full, RDRAND for half; an event counts at most
 * one bit, and none if the first, second or third difference of its time stamps is zero (an emulator that counts
 * instructions is fully regular). Until 256 bits are there, random_wait_ready waits, and stirs.
 * Locks: pool_lock, a leaf, irqs off.
 */
#include "arch/i386/cpu.h"
#include "arch/i386/io.h"
#include "drivers/char/char.h"
#include "kernel/lib/bitops.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/sync/spinlock.h"
#include "kernel/sync/wait.h"
#include "kernel/time/clock.h"

#define SEED_BITS 256U
#define RATE_WORDS 8U           /* half of the sponge meets the input, half stays hidden */
#define RESEED_NS (60ULL * NSEC_PER_SEC)

static DEFINE_SPINLOCK(pool_lock);
static u32 pool[16], key[8], absorbed;
static unsigned credited;       /* bits since the last key, at most SEED_BITS */
static bool ready;
static u64 keyed_at;
static DEFINE_WAIT_QUEUE(ready_wait);

/* --- ChaCha ----------------------------------------------------------------------------------------------------------- */

static void quarter(u32 *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
	x[a] += x[b]; x[d] = rol32(x[d] ^ x[a], 16);
	x[c] += x[d]; x[b] = rol32(x[b] ^ x[c], 12);
	x[a] += x[b]; x[d] = rol32(x[d] ^ x[a], 8);
	x[c] += x[d]; x[b] = rol32(x[b] ^ x[c], 7);
}

static void permute(u32 x[16])
{
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned c = 0; c < 4; c++)
			quarter(x, c, c + 4, c + 8, c + 12);
		for (unsigned c = 0; c < 4; c++)
			quarter(x, c, 4 + (c + 1) % 4, 8 + (c + 2) % 4, 12 + (c + 3) % 4);
	}
}

static void chacha20_block(const u32 k[8], u32 counter, u32 out[16])
{
	u32 in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], counter };

	memcpy(out, in, sizeof(in));
	permute(out);
	for (unsigned i = 0; i < 16; i++)
		out[i] += in[i];
}

/* --- the pool; pool_lock held ------------------------------------------------------------------------------------------- */

static void absorb(u32 word)
{
	pool[absorbed++] ^= word;
	if (absorbed == RATE_WORDS) {
		permute(pool);
		absorbed = 0;
	}
}

static void rekey(void)
{
	permute(pool);
	for (unsigned i = 0; i < 8; i++)
		key[i] ^= pool[i];
	permute(pool);          /* the pool does not show the key it gave */
	absorbed = 0;
	keyed_at = ktime_get();
	if (credited >= SEED_BITS && !ready) {
		ready = true;
		wake_up_all(&ready_wait);
	}
	if (ready)
		credited = 0;
}

static void credit(unsigned bits)
{
	credited = min(credited + bits, SEED_BITS);
	if (credited == SEED_BITS && (!ready || ktime_get() - keyed_at > RESEED_NS))
		rekey();
}

void add_entropy(const void *data, size_t n, unsigned bits)
{
	unsigned long irq;
	const u8 *p = data;

	spin_lock_irqsave(&pool_lock, irq);
	for (; n >= 4; n -= 4, p += 4)
		absorb(p[0] | p[1] << 8 | p[2] << 16 | (u32)p[3] << 24);
	for (; n; n--)
		absorb(*p++);
	credit(bits);
	spin_unlock_irqrestore(&pool_lock, irq);
}

/* => false if the time of this event followed from those before. pool_lock held */
static bool surprising(u32 now)
{
	static u32 last, last_delta, last_delta2;
	u32 delta = now - last, delta2 = delta - last_delta, delta3 = delta2 - last_delta2;

	last = now;
	last_delta = delta;
	last_delta2 = delta2;
	return delta && delta2 && delta3;
}

void add_device_randomness(u32 value)
{
	unsigned long irq;
	u32 now = (u32)rdtsc();

	spin_lock_irqsave(&pool_lock, irq);
	absorb(now);
	absorb(value);
	credit(surprising(now));
	spin_unlock_irqrestore(&pool_lock, irq);
}

/* --- out of it ----------------------------------------------------------------------------------------------------------- */

/* A key nobody else gets; the generator's own is replaced. */
static void take_key(u32 out[8])
{
	u32 block[16];
	unsigned long irq;

	spin_lock_irqsave(&pool_lock, irq);
	if (!ready)
		rekey();
	chacha20_block(key, 0, block);
	memcpy(key, block, sizeof(key));
	spin_unlock_irqrestore(&pool_lock, irq);
	memcpy(out, block + 8, 32);
	memset(block, 0, sizeof(block));
	barrier();
}

static void stretch(const u32 k[8], u32 *counter, u8 *buf, size_t n)
{
	u32 block[16];

	while (n) {
		size_t now = min_t(size_t, n, sizeof(block));

		chacha20_block(k, (*counter)++, block);
		memcpy(buf, block, now);
		buf += now;
		n -= now;
	}
	memset(block, 0, sizeof(block));
	barrier();
}

void get_random_bytes(void *buf, size_t n)
{
	u32 k[8], counter = 0;

	take_key(k);
	if (n <= sizeof(k))
		memcpy(buf, k, n);
	else
		stretch(k, &counter, buf, n);
	memset(k, 0, sizeof(k));
	barrier();
}

/* Few words at a time are wanted often: eight from each key, forgotten as they are given out. */
struct batch { u32 word[8]; unsigned left; };
static DEFINE_PER_CPU(struct batch, batches);

u32 get_random_u32(void)
{
	struct batch *b;
	u32 r;

	preempt_disable();
	b = this_cpu_ptr(&batches);
	if (!b->left || !READ_ONCE(ready)) { /* words from before there was a good key are not kept */
		take_key(b->word);
		b->left = 8;
	}
	b->left--;
	r = b->word[b->left];
	b->word[b->left] = 0;
	preempt_enable();
	return r;
}

bool random_ready(void) { return READ_ONCE(ready); }
unsigned random_entropy(void) { return ready ? SEED_BITS : READ_ONCE(credited); }

/* Stir: the CPU's own jitter. Each round sleeps a little, so that the timer and other work come in between. */
static void stir(void)
{
	volatile u32 sink = 0;

	for (unsigned i = 0; i < 64; i++) {
		for (u32 j = (u32)rdtsc() & 63; j; j--)
			sink += j;
		add_device_randomness(sink ^ inb(0x40));
	}
}

int random_wait_ready(bool nonblock)
{
	while (!random_ready()) {
		stir();
		if (random_ready())
			break;
		if (nonblock)
			return -EAGAIN;
		if (wait_event_interruptible_timeout(&ready_wait, random_ready(), 10 * 1000 * 1000) == -ERESTARTSYS)
			return -ERESTARTSYS;
	}
	return 0;
}

/* --- the start -------------------------------------------------------------------------------------------------------------- */

static bool rdseed(u32 *v) { bool ok; __asm__ volatile("rdseed %0" : "=r"(*v), "=@ccc"(ok)); return ok; }
static bool rdrand(u32 *v) { bool ok; __asm__ volatile("rdrand %0" : "=r"(*v), "=@ccc"(ok)); return ok; }

static unsigned from_cpu(void)
{
	bool has_seed = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx >> 18 & 1;
	bool has_rand = cpuid(1, 0).ecx >> 30 & 1;
	unsigned bits = 0;

	for (unsigned i = 0; i < 64 && bits < SEED_BITS && (has_seed || has_rand); i++) {
		u32 v;

		if (has_seed ? !rdseed(&v) : !rdrand(&v))
			continue;
		add_entropy(&v, sizeof(v), has_seed ? 32 : 16);
		bits += has_seed ? 32 : 16;
	}
	return bits;
}

static void from_clock(void)
{
	u8 rtc[14];

	for (unsigned i = 0; i < sizeof(rtc); i++) {
		outb(0x70, i);
		rtc[i] = inb(0x71);
		add_device_randomness(rtc[i]);
	}
	add_entropy(rtc, sizeof(rtc), 0);
}

void random_init(void)
{
	unsigned bits = from_cpu();

	from_clock();
	for (unsigned i = 0; i < 6 && !random_ready(); i++)
		stir();
	pr_info("random: %s, %u of %u bits\n", random_ready() ? "seeded" : "collecting", bits ? bits : random_entropy(), SEED_BITS);
}
