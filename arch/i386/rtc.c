/* SPDX-License-Identifier: MIT
 *
 * The battery-backed clock, a Motorola MC146818 or one that behaves like it. (Its data sheet; the century at 32h as PCs have it.)
 *
 * It runs in UTC. Registers hold binary numbers or BCD, 24 or 12 hours, as register 11 says: what is set already is kept.
 * Lock: lock (raw, interrupts off): the index register and a reading or setting as a whole.
 */
#include "arch/i386/clock.h"
#include "arch/i386/cpu.h"
#include "arch/i386/io.h"
#include "arch/i386/rawlock.h"

enum { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, CENTURY, NR_FIELDS };
enum { REG_A = 10, REG_B = 11 };
enum { A_UPDATING = 0x80, B_SET = 0x80, B_BINARY = 4, B_24H = 2 };
static const u8 regs[NR_FIELDS] = { 0, 2, 4, 7, 8, 9, 0x32 };
static u32 lock;

static u8 cmos_read(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static void cmos_write(u8 reg, u8 v)
{
	outb(0x70, reg);
	outb(0x71, v);
}

static u32 from_bcd(u32 v, bool binary) { return binary ? v : (v >> 4) * 10 + (v & 15); }
static u8 to_bcd(u32 v, bool binary) { return (u8)(binary ? v : v / 10 << 4 | v % 10); }

/* --- the Gregorian calendar ------------------------------------------------------------------------------------------ */

/* Days since 1970-01-01. A year that begins in March has its odd day at the end. */
u32 days_from_civil(u32 y, u32 m, u32 d)
{
	y -= m <= 2;
	u32 era = y / 400, yoe = y % 400, doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void civil_from_days(u32 days, u32 *y, u32 *m, u32 *d)
{
	u32 z = days + 719468, era = z / 146097, doe = z % 146097;
	u32 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	u32 mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = yoe + era * 400 + (*m <= 2);
}

/* --- reading and setting ------------------------------------------------------------------------------------------------ */

static void read_fields(u8 r[NR_FIELDS])
{
	for (unsigned i = 0; i < NR_FIELDS; i++)
		r[i] = cmos_read(regs[i]);
}

/* Twice the same, with no update going on: then it is one moment's. */
static void read_moment(u8 a[NR_FIELDS])
{
	u8 b[NR_FIELDS];
	bool same = false;

	for (int tries = 0; tries < 1000 && !same; tries++) {
		while (cmos_read(REG_A) & A_UPDATING)
			cpu_relax();
		read_fields(a);
		read_fields(b);
		same = !(cmos_read(REG_A) & A_UPDATING);
		for (int i = 0; i < NR_FIELDS; i++)
			same &= a[i] == b[i];
	}
}

static u32 year_of(const u8 r[NR_FIELDS], bool binary)
{
	u32 year = from_bcd(r[YEAR], binary), century = from_bcd(r[CENTURY], binary);

	return year + (century >= 19 && century < 40 ? century * 100 : year < 70 ? 2000 : 1900);
}

u64 arch_rtc_seconds(void)
{
	unsigned long irq = raw_lock_irqsave(&lock);
	u8 r[NR_FIELDS], mode = cmos_read(REG_B);
	bool binary = mode & B_BINARY;
	u32 hour;

	read_moment(r);
	raw_unlock_irqrestore(&lock, irq);
	hour = from_bcd(r[HOUR] & 0x7f, binary);
	if (!(mode & B_24H)) /* bit 7 is p.m. */
		hour = hour % 12 + (r[HOUR] & 0x80 ? 12 : 0);
	return (u64)days_from_civil(year_of(r, binary), from_bcd(r[MONTH], binary), from_bcd(r[DAY], binary)) * 86400 + hour * 3600 +
	       from_bcd(r[MINUTE], binary) * 60 + from_bcd(r[SECOND], binary);
}

static u8 hour_field(u32 hour, u8 mode)
{
	if (mode & B_24H)
		return to_bcd(hour, mode & B_BINARY);
	return to_bcd(hour % 12 ? hour % 12 : 12, mode & B_BINARY) | (hour >= 12 ? 0x80 : 0);
}

/* => false: not in the clock's range, 1970 to 2099 */
bool arch_rtc_set(u64 seconds)
{
	u32 t = (u32)seconds, day = t % 86400, y, m, d;
	unsigned long irq;
	u8 mode;
	bool binary;

	if (seconds >= 4102444800ULL)
		return false;
	civil_from_days(t / 86400, &y, &m, &d);
	irq = raw_lock_irqsave(&lock);
	mode = cmos_read(REG_B);
	binary = mode & B_BINARY;
	cmos_write(REG_B, mode | B_SET);
	cmos_write(regs[SECOND], to_bcd(day % 60, binary));
	cmos_write(regs[MINUTE], to_bcd(day / 60 % 60, binary));
	cmos_write(regs[HOUR], hour_field(day / 3600, mode));
	cmos_write(regs[DAY], to_bcd(d, binary));
	cmos_write(regs[MONTH], to_bcd(m, binary));
	cmos_write(regs[YEAR], to_bcd(y % 100, binary));
	cmos_write(regs[CENTURY], to_bcd(y / 100, binary));
	cmos_write(REG_B, mode & ~B_SET);
	raw_unlock_irqrestore(&lock, irq);
	return true;
}
