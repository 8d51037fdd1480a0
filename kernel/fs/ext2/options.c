/* SPDX-License-Identifier: MIT
 *
 * Mount options of ext2, Linux's names. An option that is not known, or that this kernel cannot keep, is EINVAL.
 */
#include "kernel/fs/ext2/ext2.h"

struct options { u32 super_at, reserved_uid, reserved_gid; u16 on_error; s8 minixdf, windows; };

static int parse_errors(const char *v, struct options *o)
{
	static const struct { const char *name; u16 value; } names[] = {
		{ "continue", EXT2_ON_ERROR_CONTINUE }, { "remount-ro", EXT2_ON_ERROR_RO }, { "panic", EXT2_ON_ERROR_PANIC },
	};

	for (unsigned i = 0; v && i < ARRAY_SIZE(names); i++)
		if (!strcmp(v, names[i].name)) {
			o->on_error = names[i].value;
			return 0;
		}
	return -EINVAL;
}

static int parse_one(const char *key, const char *v, struct options *o)
{
	static const char *const nothing[] = { "nouser_xattr", "noacl", "nogrpid", "sysvgroups", "nocheck", "noquota", "orlov" };

	if (!strcmp(key, "errors"))
		return parse_errors(v, o);
	if (!strcmp(key, "sb"))
		return v ? kstrtouint(v, 0, &o->super_at) : -EINVAL;
	if (!strcmp(key, "resuid"))
		return v ? kstrtouint(v, 10, &o->reserved_uid) : -EINVAL;
	if (!strcmp(key, "resgid"))
		return v ? kstrtouint(v, 10, &o->reserved_gid) : -EINVAL;
	if (v)
		return -EINVAL;
	if (!strcmp(key, "minixdf") || !strcmp(key, "bsddf"))
		o->minixdf = *key == 'm';
	else if (!strcmp(key, "reservation") || !strcmp(key, "noreservation"))
		o->windows = *key == 'r';
	else {
		for (unsigned i = 0; i < ARRAY_SIZE(nothing); i++)
			if (!strcmp(key, nothing[i]))
				return 0;
		return -EINVAL;
	}
	return 0;
}

static int parse(const char *options, struct options *o)
{
	char *copy, *rest, *one;
	int err = 0;

	if (!options || !*options)
		return 0;
	rest = copy = kstrdup(options, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	while (!err && (one = strsep(&rest, ",")) != NULL) {
		char *v = strchr(one, '=');

		if (!*one)
			continue;
		if (v)
			*v++ = '\0';
		err = parse_one(one, v, o);
		if (err)
			pr_err("ext2: mount option \"%s%s%s\" is not known\n", one, v ? "=" : "", v ? v : "");
	}
	kfree(copy);
	return err;
}

/* super_at: NULL at a remount; where the super block is to be looked for, in KB. What is not named stays. */
int ext2_parse_options(struct ext2_sb *s, const char *options, u32 *super_at)
{
	struct options o = { .super_at = 1, .reserved_uid = s->reserved_uid, .reserved_gid = s->reserved_gid, .on_error = s->on_error,
			     .minixdf = s->minixdf, .windows = !s->no_windows };
	int err = parse(options, &o);

	if (err)
		return err;
	if (super_at)
		*super_at = o.super_at;
	s->reserved_uid = o.reserved_uid;
	s->reserved_gid = o.reserved_gid;
	s->on_error = o.on_error;
	s->minixdf = o.minixdf;
	s->no_windows = !o.windows;
	return 0;
}

/* What differs from the super block's own wishes. */
void ext2_show_options(struct super_block *sb, struct seq *q)
{
	static const char *const errors[] = { "", ",errors=continue", ",errors=remount-ro", ",errors=panic" };
	struct ext2_sb *s = ext2_sb(sb);
	struct ext2_super *d = ext2_super_map(s);
	u16 on_error = d->on_error, uid = d->reserved_uid, gid = d->reserved_gid;

	ext2_super_unmap(s, d, false);
	if (s->minixdf)
		seq_puts(q, ",minixdf");
	if (s->reserved_uid != uid)
		seq_printf(q, ",resuid=%u", s->reserved_uid);
	if (s->reserved_gid != gid)
		seq_printf(q, ",resgid=%u", s->reserved_gid);
	if (s->on_error != on_error && s->on_error < ARRAY_SIZE(errors) && !(s->on_error == EXT2_ON_ERROR_CONTINUE && !on_error))
		seq_puts(q, errors[s->on_error]);
	if (s->no_windows)
		seq_puts(q, ",noreservation");
}
