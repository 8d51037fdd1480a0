/* SPDX-License-Identifier: MIT
 *
 * ACPI tables: which CPUs and interrupt controllers there are, and how to switch the machine off. No AML interpreter:
 * of the byte code only the package \_S5_ is looked up.
 */
#ifndef DRIVERS_BUS_ACPI_H
#define DRIVERS_BUS_ACPI_H

#include "kernel/lib/types.h"

/* Finds and checks the tables; describes the machine to arch (cpu_add, ioapic_add, ...). After phys_init and
 * apic_detect, before irq_init. => false: none, or broken: one CPU, 8259s */
bool acpi_init(void);

struct acpi_power {
	bool can_sleep, can_reset;
	u16 pm1a_control, pm1b_control; /* I/O ports; 0: none */
	u8 s5_type_a, s5_type_b;
	u16 smi_command;
	u8 acpi_enable;
	u8 reset_space, reset_value;    /* address space: 0 memory, 1 I/O ports, 2 PCI configuration */
	u64 reset_address;
};
extern struct acpi_power acpi_power;

#endif
