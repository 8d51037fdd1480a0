/* SPDX-License-Identifier: MIT
 *
 * Patterns of the stress programs: every word of a page follows from one key, so that a page which was lost, swapped with
 * another, or shared by mistake is seen, whatever byte of it one looks at.
 */
#ifndef USER_LIB_PATTERN_H
#define USER_LIB_PATTERN_H

#include <stddef.h>
#include "prog.h"

#define PAGE 4096u
#define WORDS (PAGE / sizeof(u32))

static inline u32 page_key(u32 seed, u32 who, u32 page, u32 version)
{
	return mix32(mix32(mix32(seed ^ who * 0x9e3779b9u) ^ page) ^ version * 0x85ebca6bu);
}
static inline void fill_page(u32 *p, u32 key)
{
	for (u32 i = 0; i < WORDS; i++)
		p[i] = key + i * 0x9e3779b1u;
}
/* => words that are wrong */
static inline u32 bad_words(const u32 *p, u32 key)
{
	u32 bad = 0;

	for (u32 i = 0; i < WORDS; i++)
		bad += p[i] != key + i * 0x9e3779b1u;
	return bad;
}

/* Numbers that look random, from a seed. */
static inline u32 next_random(u32 *state) { return mix32(*state += 0x9e3779b9u); }

/* The i-th of n numbers 0..n-1 in an order that looks random, each once a round: walks a power of two and skips what is too large. */
struct shuffle { u32 n, mask, key, i; };
static inline void shuffle_init(struct shuffle *s, u32 n, u32 key)
{
	s->n = n;
	for (s->mask = 1; s->mask < n; s->mask = s->mask << 1 | 1)
		;
	s->key = key;
	s->i = 0;
}
static inline u32 shuffle_next(struct shuffle *s)
{
	for (;;) {
		u32 x = (s->i++ * 0x9e3779b1u + s->key) & s->mask; /* odd factor: a permutation of mask + 1 numbers */

		x ^= x >> 7;
		x = (x * 0x5bd1e995u + (s->key >> 16)) & s->mask;
		if (x < s->n)
			return x;
	}
}

#endif
