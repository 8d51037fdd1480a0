/* SPDX-License-Identifier: MIT
 *
 * Text into a buffer of fixed size: what does not fit sets overflow, and the owner comes again with a larger one.
 */
#include "kernel/fs/internal.h"
#include "kernel/lib/vsprintf.h"

void seq_write(struct seq *s, const void *data, size_t n)
{
	if (n > s->size - s->len) {
		s->overflow = true;
		s->len = s->size;
		return;
	}
	memcpy(s->buf + s->len, data, n);
	s->len += n;
}
void seq_puts(struct seq *s, const char *text) { seq_write(s, text, strlen(text)); }

void seq_printf(struct seq *s, const char *fmt, ...)
{
	size_t room = s->size - s->len;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(s->buf + s->len, room, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room) {
		s->overflow = true;
		s->len = s->size;
	} else {
		s->len += n;
	}
}

static void put_escaped(struct seq *s, const char *p, const char *escape)
{
	for (; *p; p++) {
		if (strchr(escape, *p))
			seq_printf(s, "\\%03o", (u8)*p);
		else
			seq_write(s, p, 1);
	}
}

void seq_path(struct seq *s, const struct path *p, const char *escape)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL), *start;

	if (!buf || path_string(p, buf, PATH_MAX, &start) < 0)
		seq_puts(s, "(unknown)");
	else
		put_escaped(s, start, escape);
	kfree(buf);
}
