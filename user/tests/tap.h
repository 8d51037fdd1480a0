/* SPDX-License-Identifier: MIT
 *
 * TAP for the in-guest tests: ok() a line per check, done() at the end of main. Plain libc; forked children
 * must leave with _exit and let the parent do the ok().
 */
#ifndef USER_TESTS_TAP_H
#define USER_TESTS_TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int tap_count, tap_bad;

static inline bool __attribute__((format(printf, 2, 3))) ok(bool good, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good)
		printf("# errno %d (%s)\n", err, strerror(err));
	tap_bad += !good;
	fflush(stdout); /* a fork must not inherit half a buffer */
	return good;
}

/* => the two must be equal; both are shown when they are not */
#define is(got, want, ...) ({                                                   \
	long long _g = (long long)(got), _w = (long long)(want);                \
	int _e = errno;                                                         \
	if (_g != _w)                                                           \
		printf("# %s: got %lld, want %lld\n", #got, _g, _w);            \
	errno = _e;                                                             \
	ok(_g == _w, __VA_ARGS__); })

/* => the call must fail with this errno */
#define fails(call, err, ...) ({                                                \
	errno = 0;                                                              \
	long _r = (long)(call);                                                 \
	int _e = errno;                                                         \
	if (_r != -1 || _e != (err))                                            \
		printf("# %s: got %ld, errno %d, want errno %d\n", #call, _r, _e, (err)); \
	errno = _e;                                                             \
	ok(_r == -1 && _e == (err), __VA_ARGS__); })

static inline void skip(const char *why) { printf("ok %d # SKIP %s\n", ++tap_count, why); }
static inline void __attribute__((noreturn)) bail(const char *why)
{
	printf("Bail out! %s: %s\n", why, strerror(errno));
	exit(255);
}

/* Runs fn in a child; => its wait status, or -1 */
static inline int in_child(void (*fn)(void *), void *arg)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		fn(arg);
		_exit(0);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

/* => the condition, as soon as it holds; looked at for half a minute at least, for nobody knows how long a busy host lets a processor wait */
#define eventually(condition) ({                                                \
	bool _there = (condition);                                              \
	for (int _n = 0; !_there && _n < 6000; _n++) {                          \
		usleep(5000);                                                   \
		_there = (condition);                                           \
	}                                                                       \
	_there; })

/* => a task (by process or thread number): the letter of its state, 0: there is none */
static inline char state_of(pid_t tid)
{
	char path[32], line[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f) && strchr(line, ')'))
		state = strchr(line, ')')[2];
	if (f)
		fclose(f);
	return state;
}

/* => a task sleeps: for one that has nothing to sleep in but the call under test */
static inline bool asleep(pid_t tid) { return eventually(state_of(tid) == 'S'); }

static inline int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_bad != 0;
}

#endif
