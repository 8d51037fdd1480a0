/* SPDX-License-Identifier: MIT
 *
 * Boot options. Each is declared where it is used:
 *
 *	static u32 seconds = 30;
 *	PARAM_UINT("panic", seconds, 0, 3600, "seconds until reboot after a panic");
 *	static u32 scheme;
 *	PARAM_CHOICE("rmap.anon", scheme, "reverse map of anonymous pages", "anonvma", "chain");
 *
 * An unknown value of a known option stops the boot and lists the allowed ones; an unknown option is named in one
 * line; what stands behind "--", and unknown words with or without '=', go to the first process as on Linux
 * (param_init_args, param_init_env).
 */
#ifndef KERNEL_LIB_PARAM_H
#define KERNEL_LIB_PARAM_H

#include "kernel/lib/types.h"

enum param_kind { PARAM_KIND_UINT, PARAM_KIND_SIZE, PARAM_KIND_STR, PARAM_KIND_BOOL, PARAM_KIND_CHOICE, PARAM_KIND_CALL };
struct param {
	const char *name, *help;
	void *var;                     /* u32 *, u64 *, const char **, bool *, u32 * (index), or the function */
	enum param_kind kind;
	u32 min, max;
	const char *const *choices;    /* NULL-terminated */
};
#define PARAM_JOIN2(a, b) a##b
#define PARAM_JOIN(a, b) PARAM_JOIN2(a, b)
#define PARAM_DEFINE(...) static const struct param PARAM_JOIN(param_, __LINE__) __used __section(".params") __aligned(4) = { __VA_ARGS__ }

#define PARAM_UINT(opt, v, lo, hi, about) PARAM_DEFINE(opt, about, &(v), PARAM_KIND_UINT, lo, hi, NULL)      /* u32 */
#define PARAM_SIZE(opt, v, about) PARAM_DEFINE(opt, about, &(v), PARAM_KIND_SIZE, 0, 0, NULL)                /* u64; K M G */
#define PARAM_STR(opt, v, about) PARAM_DEFINE(opt, about, &(v), PARAM_KIND_STR, 0, 0, NULL)                  /* const char * */
#define PARAM_BOOL(opt, v, about) PARAM_DEFINE(opt, about, &(v), PARAM_KIND_BOOL, 0, 0, NULL)                /* "opt", "opt=on|off" */
#define PARAM_CHOICE(opt, v, about, ...) \
	static const char *const PARAM_JOIN(choices_, __LINE__)[] = { __VA_ARGS__, NULL }; \
	PARAM_DEFINE(opt, about, &(v), PARAM_KIND_CHOICE, 0, 0, PARAM_JOIN(choices_, __LINE__))              /* u32: index */
/* int fn(const char *value): value is "" without '='; -EINVAL stops the boot. May be given several times. */
#define PARAM_CALL(opt, fn, about) PARAM_DEFINE(opt, about, (void *)(fn), PARAM_KIND_CALL, 0, 0, NULL)

/* Early in boot, once; keeps a copy of line; panics on a bad value. */
void param_parse(const char *line);
extern char boot_command_line[2048];
extern char *param_init_args[33], *param_init_env[33]; /* NULL-terminated: for /sbin/init */

/* The parser by itself (also for tests). => 0, -ENOENT unknown, -EINVAL bad value: then why says it in one line */
int param_one(const struct param *table, size_t n, const char *name, const char *value, char *why, size_t why_size);
/* Takes the next word (quotes kept together) off *line: *name, and *value or NULL without '='. => false at the end */
bool param_next(char **line, char **name, char **value);

#endif
