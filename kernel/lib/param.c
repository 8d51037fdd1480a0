/* SPDX-License-Identifier: MIT
 *
 * Boot options: one pass over the command line. The table is the section .params, one entry where each option lives.
 *
 * A word without '=' that no option claims, or one with '=' and without a dot, goes to the first process as on Linux
 * (argument or environment); what looks like an option of ours ("room.name=...") and is none is named in one line.
 */
#include "kernel/lib/param.h"
#include "kernel/lib/bug.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "kernel/lib/vsprintf.h"

bool param_next(char **line, char **name, char **value)
{
	char *s = skip_spaces(*line), *to;
	bool quoted = false;

	if (!*s)
		return false;
	*name = to = s;
	*value = NULL;
	for (; *s && (quoted || !isspace((u8)*s)); s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (*s == '=' && !*value) {
			*to++ = 0;
			*value = to;
		} else
			*to++ = *s;
	}
	*line = *s ? s + 1 : s;
	*to = 0;
	return true;
}

static int set_uint(const struct param *p, const char *value, char *why, size_t n)
{
	u32 v;

	if (!value || kstrtouint(value, 0, &v) || v < p->min || v > p->max) {
		snprintf(why, n, "%s=%s: wants a number from %u to %u", p->name, value ?: "", p->min, p->max);
		return -EINVAL;
	}
	*(u32 *)p->var = v;
	return 0;
}

static int set_size(const struct param *p, const char *value, char *why, size_t n)
{
	char *end;
	u64 v;

	if (value && isdigit((u8)*value) && (v = memparse(value, &end), !*end)) {
		*(u64 *)p->var = v;
		return 0;
	}
	snprintf(why, n, "%s=%s: wants a size such as 64M or 2G", p->name, value ?: "");
	return -EINVAL;
}

static int set_bool(const struct param *p, const char *value, char *why, size_t n)
{
	if (!value)
		*(bool *)p->var = true;
	else if (kstrtobool(value, p->var)) {
		snprintf(why, n, "%s=%s: wants on or off", p->name, value);
		return -EINVAL;
	}
	return 0;
}

static int set_choice(const struct param *p, const char *value, char *why, size_t n)
{
	size_t len;

	for (u32 i = 0; value && p->choices[i]; i++)
		if (!strcmp(p->choices[i], value)) {
			*(u32 *)p->var = i;
			return 0;
		}
	len = (size_t)scnprintf(why, n, "%s=%s: allowed are", p->name, value ?: "");
	for (u32 i = 0; p->choices[i]; i++)
		len += (size_t)scnprintf(why + len, n - len, " %s", p->choices[i]);
	return -EINVAL;
}

static int set_call(const struct param *p, const char *value, char *why, size_t n)
{
	int (*fn)(const char *) = (int (*)(const char *))p->var;
	int err = fn(value ?: "");

	if (err)
		snprintf(why, n, "%s=%s: %s", p->name, value ?: "", p->help);
	return err ? -EINVAL : 0;
}

static int set_one(const struct param *p, const char *value, char *why, size_t n)
{
	switch (p->kind) {
	case PARAM_KIND_UINT:
		return set_uint(p, value, why, n);
	case PARAM_KIND_SIZE:
		return set_size(p, value, why, n);
	case PARAM_KIND_STR:
		*(const char **)p->var = value ?: "";
		return 0;
	case PARAM_KIND_BOOL:
		return set_bool(p, value, why, n);
	case PARAM_KIND_CHOICE:
		return set_choice(p, value, why, n);
	case PARAM_KIND_CALL:
		return set_call(p, value, why, n);
	}
	return -EINVAL;
}

int param_one(const struct param *table, size_t n, const char *name, const char *value, char *why, size_t why_size)
{
	int err = -ENOENT;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(table[i].name, name)) { /* two rooms may want the same option */
			err = set_one(&table[i], value, why, why_size);
			if (err)
				return err;
		}
	return err;
}

#ifndef KERNEL_HOST_TEST
char boot_command_line[2048];
char *param_init_args[33], *param_init_env[33];
static char words[2048]; /* the command line cut into words: values point into it */

extern const struct param __params_start[], __params_end[];

/* Options that belong to /init and other user space: not a word about them. */
static bool for_user_space(const char *name)
{
	static const char *const known[] = { "run", "hostmem", "hostname", "swap", "BOOT_IMAGE", "initrd", "root", "rootfstype", "rw", "ro", "init", "rdinit" };

	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(name, known[i]))
			return true;
	return false;
}

static void add_word(char **list, char *word)
{
	unsigned i = 0;

	while (i < 32 && list[i])
		i++;
	if (i < 32)
		list[i] = word;
	else
		pr_warn("boot: too many words for init; left out: %s\n", word);
}

static void to_init(char *name, char *value)
{
	if (!value)
		add_word(param_init_args, name);
	else {
		value[-1] = '='; /* name and value stand side by side unless they were quoted */
		add_word(param_init_env, name);
	}
}

static void parse_word(char *name, char *value)
{
	char why[256];
	int err = param_one(__params_start, __params_end - __params_start, name, value, why, sizeof(why));

	if (err == -EINVAL)
		panic("boot option %s", why);
	if (err != -ENOENT)
		return;
	if (for_user_space(name))
		return;
	if (strchr(name, '.') || value)
		pr_warn("boot: unknown option %s%s%s\n", name, value ? "=" : "", value ?: "");
	to_init(name, value);
}

void param_parse(const char *line)
{
	char *rest = words, *name, *value;
	bool ours = true;

	if (strscpy(boot_command_line, line, sizeof(boot_command_line)) < 0)
		pr_warn("boot: command line cut after %u characters\n", (unsigned)sizeof(boot_command_line) - 1);
	strlcpy(words, boot_command_line, sizeof(words));
	while (param_next(&rest, &name, &value)) {
		if (ours && !value && !strcmp(name, "--"))
			ours = false;
		else if (ours)
			parse_word(name, value);
		else
			to_init(name, value);
	}
}
#endif
