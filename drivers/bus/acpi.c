/* SPDX-License-Identifier: MIT
 *
 * Reading the ACPI tables (ACPI Specification 6.4, chapter 5). Firmware is not trusted: every table's length is bounded
 * and its sum checked before anything in it is believed, and each entry must lie inside its table. A broken table is
 * named in one line and does without.
 *
 * Tables lie anywhere in memory, mostly at the end of the RAM below 4 GB: beyond the direct map they are looked at
 * through a mapping that lasts as long as one table is read.
 */
#include "drivers/bus/acpi.h"
#include "arch/i386/apic.h"
#include "kernel/lib/printk.h"
#include "kernel/lib/string.h"
#include "mm/phys/phys.h"

struct __packed table { char signature[4]; u32 length; u8 revision, sum; char oem[6], oem_table[8]; u32 oem_revision, creator[2]; };
static_assert(sizeof(struct table) == 36, "ACPI 6.4, table 5.4");
#define TABLE_MAX (1U << 20)

struct acpi_power acpi_power;

/* --- mapping ----------------------------------------------------------------------------------------------------------- */
static void *map(u64 phys, size_t size)
{
	if (phys + size <= direct_map_end)
		return __va((unsigned long)phys);
	return vmap_phys(phys, size, 0);
}

static void unmap(const void *p)
{
	if (is_vmalloc(p))
		vfree(p);
}

static bool sum_ok(const void *p, size_t n)
{
	const u8 *b = p;
	u8 sum = 0;

	while (n--)
		sum += *b++;
	return !sum;
}

/* => whole table, checked, to be unmapped; NULL */
static const struct table *map_table(u64 phys)
{
	const struct table *t = map(phys, sizeof(*t));
	char name[5] = { 0 };
	u32 length;

	if (!t)
		return NULL;
	length = t->length;
	memcpy(name, t->signature, 4);
	unmap(t);
	if (length < sizeof(*t) || length > TABLE_MAX) {
		pr_warn("ACPI: table at %#llx has length %u, ignored\n", phys, length);
		return NULL;
	}
	t = map(phys, length);
	if (t && !sum_ok(t, length)) {
		pr_warn("ACPI: table %s at %#llx has a wrong sum, ignored\n", name, phys);
		unmap(t);
		return NULL;
	}
	return t;
}

/* --- the root ------------------------------------------------------------------------------------------------------------- */
struct __packed rsdp { char signature[8]; u8 sum; char oem[6]; u8 revision; u32 rsdt; u32 length; u64 xsdt; u8 sum2; u8 pad[3]; };

static const struct rsdp *scan_rsdp(u32 from, u32 to)
{
	for (u32 pa = from; pa + 20 <= to; pa += 16) {
		const struct rsdp *r = __va(pa);

		if (!memcmp(r->signature, "RSD PTR ", 8) && sum_ok(r, 20))
			return r;
	}
	return NULL;
}

static const struct rsdp *find_rsdp(void)
{
	u32 ebda = (u32)*(volatile u16 *)__va(0x40e) << 4;
	const struct rsdp *r = NULL;

	if (ebda >= 0x400 && ebda < 0xa0000)
		r = scan_rsdp(ebda, min(ebda + 1024, 0xa0000U));
	return r ?: scan_rsdp(0xe0000, 0x100000);
}

/* Calls visit with each table that the root lists and that is sound. */
static bool for_each_table(const struct rsdp *r, void (*visit)(const struct table *))
{
	bool wide = r->revision >= 2 && r->xsdt && r->length >= 33 && r->length <= sizeof(*r) && sum_ok(r, r->length);
	const struct table *root = map_table(wide ? r->xsdt : r->rsdt), *t;
	unsigned size = wide ? 8 : 4;

	if (!root && wide) {
		size = 4;
		root = map_table(r->rsdt);
	}
	if (!root)
		return false;
	for (u32 at = sizeof(*root); at + size <= root->length; at += size) {
		u64 phys = 0;

		memcpy(&phys, (const u8 *)root + at, size);
		t = phys ? map_table(phys) : NULL;
		if (t) {
			visit(t);
			unmap(t);
		}
	}
	unmap(root);
	return true;
}

/* --- MADT: processors and interrupt controllers --------------------------------------------------------------------------- */
static u32 get32(const u8 *p) { u32 v; memcpy(&v, p, 4); return v; }
static u16 get16(const u8 *p) { u16 v; memcpy(&v, p, 2); return v; }
static u64 get64(const u8 *p) { u64 v; memcpy(&v, p, 8); return v; }

static void madt_entry(const u8 *e)
{
	switch (e[0]) {
	case 0: /* local APIC: usable if enabled */
		if (e[1] >= 8 && (get32(e + 4) & 1))
			cpu_add(e[3]);
		break;
	case 1:
		if (e[1] >= 12 && ioapic_add(get32(e + 4), get32(e + 8)))
			pr_warn("ACPI: the I/O APIC at %#x cannot be used\n", get32(e + 4));
		break;
	case 2:
		if (e[1] >= 10 && e[2] == 0)
			irq_override_add(e[3], get32(e + 4), get16(e + 8));
		break;
	case 4:
		if (e[1] >= 6)
			nmi_source_add(e[2], get16(e + 3), e[5]);
		break;
	case 9: /* x2APIC: only those that xAPIC mode can reach */
		if (e[1] >= 16 && (get32(e + 8) & 1))
			cpu_add(get32(e + 4));
		break;
	}
}

static void read_madt(const struct table *t)
{
	const u8 *p = (const u8 *)t, *end = p + t->length;

	for (p += 44; p + 2 <= end && p[1] >= 2 && p + p[1] <= end; p += p[1])
		madt_entry(p);
}

/* --- FADT and DSDT: power ---------------------------------------------------------------------------------------------------- */
/* An integer of AML: ZeroOp, OneOp or a byte constant. => bytes read, 0 if it is something else */
static unsigned aml_byte(const u8 *p, u8 *value)
{
	if (p[0] == 0x0a) {
		*value = p[1];
		return 2;
	}
	*value = p[0];
	return p[0] <= 1;
}

/* Name (_S5_, Package () { a, b, ... }): NameOp "_S5_" PackageOp length count a b */
static bool find_s5(const u8 *p, const u8 *end, u8 *a, u8 *b)
{
	for (p += sizeof(struct table); p + 16 <= end; p++) {
		const u8 *q = p + 4;
		unsigned n;

		if (memcmp(p, "_S5_", 4) || (p[-1] != 8 && !(p[-1] == '\\' && p[-2] == 8)) || *q++ != 0x12)
			continue;
		q += (*q >> 6) + 1;     /* package length: 1 to 4 bytes */
		if (q + 8 > end || *q++ < 2)
			continue;
		n = aml_byte(q, a);
		return n && aml_byte(q + n, b);
	}
	return false;
}

static void read_dsdt(u64 phys)
{
	const struct table *t = phys ? map_table(phys) : NULL;

	if (!t)
		return;
	acpi_power.can_sleep = acpi_power.pm1a_control &&
			       find_s5((const u8 *)t, (const u8 *)t + t->length, &acpi_power.s5_type_a, &acpi_power.s5_type_b);
	unmap(t);
}

static void read_fadt(const struct table *t)
{
	const u8 *p = (const u8 *)t;
	u64 dsdt;

	if (t->length < 116)
		return;
	acpi_power.smi_command = get32(p + 48);
	acpi_power.acpi_enable = p[52];
	acpi_power.pm1a_control = get32(p + 64);
	acpi_power.pm1b_control = get32(p + 68);
	if (t->length >= 129 && (get32(p + 112) & 1 << 10)) {
		acpi_power.can_reset = true;
		acpi_power.reset_space = p[116];
		acpi_power.reset_address = get64(p + 120);
		acpi_power.reset_value = p[128];
	}
	dsdt = t->length >= 148 ? get64(p + 140) : 0;
	read_dsdt(dsdt ?: get32(p + 40));
}

static void visit_table(const struct table *t)
{
	if (!memcmp(t->signature, "APIC", 4))
		read_madt(t);
	else if (!memcmp(t->signature, "FACP", 4))
		read_fadt(t);
}

bool acpi_init(void)
{
	const struct rsdp *r = find_rsdp();

	if (!r || !for_each_table(r, visit_table)) {
		pr_warn("ACPI: no tables: one CPU, 8259 interrupts, no power-off\n");
		return false;
	}
	return true;
}
