/* SPDX-License-Identifier: MIT
 *
 * printf's engine. A format is cut into literal text and conversions; each conversion is parsed into a struct spec and
 * put out by the function for its kind. Output beyond the buffer is counted and dropped.
 *
 * Cannot: floating point, %n (refused on purpose), wide characters.
 */
#include "kernel/lib/vsprintf.h"
#include "kernel/lib/ctype.h"
#include "kernel/lib/div64.h"
#include "kernel/lib/string.h"

struct out { char *pos, *end; size_t total; };

enum { LEFT = 1, PLUS = 2, SPACE = 4, ALT = 8, ZERO = 16, UPPER = 32, SIGNED = 64 };
struct spec {
	u32 flags;
	int width, precision; /* precision -1: none given */
	char length;          /* 'h', 'H' (hh), 'l', 'L' (ll), 'z', 0 */
};

static void put(struct out *o, char c)
{
	if (o->pos < o->end)
		*o->pos++ = c;
	o->total++;
}

static void put_repeated(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_text(struct out *o, const char *s, size_t n, const struct spec *sp)
{
	int pad = sp->width - (int)n;

	if (!(sp->flags & LEFT))
		put_repeated(o, ' ', pad);
	while (n--)
		put(o, *s++);
	if (sp->flags & LEFT)
		put_repeated(o, ' ', pad);
}

static void put_string(struct out *o, const char *s, const struct spec *sp)
{
	if (!s)
		s = "(null)";
	put_text(o, s, sp->precision >= 0 ? strnlen(s, (size_t)sp->precision) : strlen(s), sp);
}

/* Digits of v, last first. => how many; none for 0 */
static int digits(char *buf, u64 v, unsigned base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	int n = 0;

	for (; v >> 32; n++)
		buf[n] = set[do_div(v, base)];
	for (u32 w = (u32)v; w; w /= base)
		buf[n++] = set[w % base];
	return n;
}

static void put_number(struct out *o, u64 v, unsigned base, const struct spec *sp)
{
	char buf[24], prefix[3];
	int n, np = 0, zeros, pad;

	if (sp->flags & SIGNED) {
		if ((s64)v < 0) {
			prefix[np++] = '-';
			v = -v;
		} else if (sp->flags & (PLUS | SPACE))
			prefix[np++] = sp->flags & PLUS ? '+' : ' ';
	}
	if (sp->flags & ALT && base == 16 && v) {
		prefix[np++] = '0';
		prefix[np++] = sp->flags & UPPER ? 'X' : 'x';
	}
	n = digits(buf, v, base, sp->flags & UPPER);
	zeros = (sp->precision >= 0 ? sp->precision : 1) - n;
	if (sp->flags & ALT && base == 8 && zeros <= 0)
		zeros = 1;
	zeros = max(zeros, 0);
	pad = sp->width - np - zeros - n;
	if (sp->flags & ZERO && !(sp->flags & LEFT) && sp->precision < 0 && pad > 0) {
		zeros += pad;
		pad = 0;
	}
	if (!(sp->flags & LEFT))
		put_repeated(o, ' ', pad);
	for (int i = 0; i < np; i++)
		put(o, prefix[i]);
	put_repeated(o, '0', zeros);
	while (n)
		put(o, buf[--n]);
	if (sp->flags & LEFT)
		put_repeated(o, ' ', pad);
}

static void put_symbol(struct out *o, unsigned long addr, bool offsets, const struct spec *sp)
{
	char buf[128];
	unsigned long offset = 0, size = 0;
	const char *name = symbol_lookup(addr, &offset, &size);
	int n;

	if (!name)
		n = scnprintf(buf, sizeof(buf), "0x%lx", addr);
	else if (offsets)
		n = scnprintf(buf, sizeof(buf), "%s+0x%lx/0x%lx", name, offset, size);
	else
		n = scnprintf(buf, sizeof(buf), "%s", name);
	put_text(o, buf, (size_t)n, sp);
}

static void put_mac(struct out *o, const u8 *mac, const struct spec *sp)
{
	char buf[18];

	snprintf(buf, sizeof(buf), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	put_text(o, buf, 17, sp);
}

static void put_time(struct out *o, u64 ns, const struct spec *sp)
{
	char buf[32];
	u32 rem;
	u64 sec = div_u64_rem(ns, 1000000000, &rem);

	put_text(o, buf, (size_t)scnprintf(buf, sizeof(buf), "%5llu.%06u", (unsigned long long)sec, rem / 1000), sp);
}

static void put_nested(struct out *o, const struct va_format *vf)
{
	va_list args;
	size_t room = o->pos < o->end ? (size_t)(o->end - o->pos) + 1 : 0; /* end leaves room for the NUL */
	int n;

	va_copy(args, *vf->args);
	n = vsnprintf(room ? o->pos : NULL, room, vf->fmt, args);
	va_end(args);
	o->pos += room ? min((size_t)n, room - 1) : 0;
	o->total += (size_t)n;
}

/* => characters of fmt used by the extension */
static int put_pointer(struct out *o, const char *ext, void *p, struct spec *sp)
{
	switch (*ext) {
	case 'S':
		put_symbol(o, (unsigned long)p, true, sp);
		return 1;
	case 's':
		put_symbol(o, (unsigned long)p, false, sp);
		return 1;
	case 'V':
		put_nested(o, p);
		return 1;
	case 'M':
		put_mac(o, p, sp);
		return 1;
	case 'T':
		put_time(o, *(u64 *)p, sp);
		return 1;
	}
	if (sp->width <= 0) {
		sp->width = 8;
		sp->flags |= ZERO;
	}
	put_number(o, (unsigned long)p, 16, sp);
	return 0;
}

static const char *parse_number(const char *f, int *n)
{
	int v = 0;

	for (; isdigit((u8)*f); f++)
		v = min(v * 10 + *f - '0', 100000);
	*n = v;
	return f;
}

static const char *parse_flags(const char *f, struct spec *sp)
{
	static const char chars[] = "-+ #0";
	const char *which;

	for (sp->flags = 0; *f && (which = strchr(chars, *f)); f++)
		sp->flags |= 1u << (which - chars);
	return f;
}

static const char *parse_length(const char *f, struct spec *sp)
{
	sp->length = 0;
	if (*f == 'h' || *f == 'l') {
		sp->length = *f++;
		if (*f == sp->length) {
			sp->length -= 32;
			f++;
		}
	} else if (*f == 'z' || *f == 't' || *f == 'j' || *f == 'L') {
		sp->length = *f == 'j' || *f == 'L' ? 'L' : 'l';
		f++;
	}
	return f;
}

static u64 cut_integer(u64 v, const struct spec *sp)
{
	bool sign = sp->flags & SIGNED;

	if (sp->length == 'h')
		return sign ? (u64)(s64)(s16)v : (u16)v;
	if (sp->length == 'H')
		return sign ? (u64)(s64)(s8)v : (u8)v;
	return v;
}

/* What stands between % and the conversion; a * takes its number from args. => the conversion's letter */
static const char *parse_spec(const char *f, struct spec *sp, va_list *args)
{
	f = parse_flags(f, sp);
	sp->precision = -1;
	if (*f == '*') {
		f++;
		sp->width = va_arg(*args, int);
		if (sp->width < 0) {
			sp->width = -sp->width;
			sp->flags |= LEFT;
		}
	} else
		f = parse_number(f, &sp->width);
	if (*f == '.') {
		if (*++f == '*') {
			f++;
			sp->precision = va_arg(*args, int);
		} else
			f = parse_number(f, &sp->precision);
	}
	return parse_length(f, sp);
}

static void put_integer(struct out *o, char conversion, struct spec *sp, va_list *args)
{
	unsigned base = conversion == 'x' || conversion == 'X' ? 16 : conversion == 'o' ? 8 : 10;
	u64 v;

	if (conversion == 'd' || conversion == 'i')
		sp->flags |= SIGNED;
	if (conversion == 'X')
		sp->flags |= UPPER;
	if (sp->length == 'L')
		v = va_arg(*args, u64);
	else
		v = sp->flags & SIGNED ? (u64)(s64)va_arg(*args, int) : (u64)va_arg(*args, unsigned);
	put_number(o, cut_integer(v, sp), base, sp);
}

/* => characters of the format used, the conversion's letter included; 0 at the end of the format */
static int put_conversion(struct out *o, const char *f, struct spec *sp, va_list *args)
{
	char c;

	switch (*f) {
	case 0: /* a lone % at the end */
		return 0;
	case 'c':
		c = (char)va_arg(*args, int);
		put_text(o, &c, 1, sp);
		return 1;
	case 's':
		put_string(o, va_arg(*args, const char *), sp);
		return 1;
	case 'p':
		return 1 + put_pointer(o, f + 1, va_arg(*args, void *), sp);
	case 'd':
	case 'i':
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_integer(o, *f, sp, args);
		return 1;
	case '%':
		put(o, '%');
		return 1;
	}
	put(o, '%'); /* not ours: shown as it stands */
	put(o, *f);
	return 1;
}

int vsnprintf(char *buf, size_t size, const char *f, va_list list)
{
	struct out o = { buf, size ? buf + min(size, (size_t)0x7fffffff) - 1 : buf, 0 };
	struct spec sp;
	va_list args;

	va_copy(args, list); /* so that its address can be handed on, whatever type it is */
	while (*f) {
		if (*f != '%') {
			put(&o, *f++);
			continue;
		}
		f = parse_spec(f + 1, &sp, &args);
		f += put_conversion(&o, f, &sp, &args);
	}
	va_end(args);
	if (size)
		*o.pos = 0;
	return (int)o.total;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int n = vsnprintf(buf, size, fmt, args);

	return !size ? 0 : (size_t)n < size ? n : (int)size - 1;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}

int sprintf(char *buf, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, 0x7fffffff, fmt, args);
	va_end(args);
	return n;
}
