/* SPDX-License-Identifier: MIT
 *
 * Interrupt controllers: the local APIC of each CPU, the I/O APICs, and the two 8259s for machines without.
 * drivers/bus/acpi.c describes the machine through the *_add functions before irq_init().
 */
#ifndef ARCH_I386_APIC_H
#define ARCH_I386_APIC_H

#include "arch/i386/percpu.h"

/* --- the machine, as firmware tells it ------------------------------------------------------------------------------ */
extern u8 cpu_apic_id[MAX_CPUS];          /* [0] is the boot CPU */
void cpu_add(u32 apic_id);                /* a usable processor; more than MAX_CPUS or maxcpus= are counted and left out */
extern u32 max_cpus, cpus_left_out;
int ioapic_add(phys_t phys, u32 gsi_base);
void irq_override_add(u8 isa, u32 gsi, u16 flags); /* flags: MADT's MPS INTI flags */
void nmi_source_add(u32 apic_id, u16 flags, u8 lint);

/* --- local APIC -------------------------------------------------------------------------------------------------------- */
#define APIC_ID 0x020
#define APIC_VERSION 0x030
#define APIC_TPR 0x080
#define APIC_EOI 0x0b0
#define APIC_SPURIOUS 0x0f0
#define APIC_ESR 0x280
#define APIC_ICR 0x300
#define APIC_ICR_HIGH 0x310
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_LVT_ERROR 0x370
#define APIC_TIMER_COUNT 0x380
#define APIC_TIMER_NOW 0x390
#define APIC_TIMER_DIVIDE 0x3e0
#define APIC_MASKED 0x10000U
#define APIC_TSC_DEADLINE 0x40000U

extern volatile u8 *lapic_base;           /* NULL: no local APIC */
static inline u32 apic_read(u32 reg) { return *(volatile u32 *)(lapic_base + reg); }
static inline void apic_write(u32 reg, u32 v) { *(volatile u32 *)(lapic_base + reg) = v; }
static inline void apic_eoi(void) { apic_write(APIC_EOI, 0); }

bool apic_detect(void);                   /* boot CPU: maps it. false: none, or noapic */
void apic_setup_cpu(void);                /* each CPU */
void apic_send(unsigned cpu, u32 vector);
void apic_send_mask(u32 cpus, u32 vector);
void apic_send_nmi_others(void);
void apic_send_startup(unsigned cpu, u32 what, u8 page); /* INIT and SIPI */
#define APIC_INIT 0x4500U
#define APIC_INIT_DEASSERT 0x8500U
#define APIC_STARTUP 0x4600U

/* --- lines ---------------------------------------------------------------------------------------------------------------- */
/* gsi to vector on one CPU. level and active-low as the bus has it, unless firmware overrides. 0 or -EINVAL */
int ioapic_route(u32 gsi, u8 vector, unsigned cpu, bool level);
u32 ioapic_isa_gsi(u8 isa);               /* ISA interrupt number after overrides */
bool ioapic_present(void);
void ioapic_init(void);                   /* all lines masked; 8259s off */
void pic_init(void), pic_unmask(unsigned irq), pic_eoi(unsigned irq);
bool pic_spurious(unsigned irq);

#endif
