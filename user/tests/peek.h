/* SPDX-License-Identifier: MIT
 *
 * Words of memory that may fault: peek_catch() once, then peek and poke say which signal came instead of a value. For one thread.
 */
#ifndef USER_TESTS_PEEK_H
#define USER_TESTS_PEEK_H

#include <setjmp.h>
#include <signal.h>

static sigjmp_buf peek_jump;
static inline void peek_on_signal(int sig) { siglongjmp(peek_jump, sig); }
static inline void peek_catch(void)
{
	signal(SIGBUS, peek_on_signal);
	signal(SIGSEGV, peek_on_signal);
}

/* => the word there; -1: SIGBUS, -2: SIGSEGV */
static inline long peek(const char *p)
{
	int sig = sigsetjmp(peek_jump, 1);

	return sig ? (sig == SIGBUS ? -1 : -2) : *(volatile const int *)p;
}

/* => 0, or as above */
static inline long poke(char *p, int v)
{
	int sig = sigsetjmp(peek_jump, 1);

	if (sig)
		return sig == SIGBUS ? -1 : -2;
	*(volatile int *)p = v;
	return 0;
}

#endif
