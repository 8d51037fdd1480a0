/* SPDX-License-Identifier: MIT
 *
 * Power-off and reset.
 */
#include "drivers/bus/power.h"
#include "arch/i386/clock.h"
#include "arch/i386/cpu.h"
#include "arch/i386/dump.h"
#include "arch/i386/io.h"
#include "drivers/bus/acpi.h"
#include "drivers/bus/pci.h"
#include "kernel/lib/printk.h"

static void __noreturn stop_here(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* Firmware may still own the power registers (SCI_EN clear): ask for them. ACPI 6.4, 16.3.1. */
static void acpi_take_over(void)
{
	if (!acpi_power.smi_command || !acpi_power.acpi_enable || (inw(acpi_power.pm1a_control) & 1))
		return;
	outb(acpi_power.smi_command, acpi_power.acpi_enable);
	for (int ms = 0; ms < 1000 && !(inw(acpi_power.pm1a_control) & 1); ms++)
		arch_delay_us(1000);
}

static void acpi_sleep_off(void)
{
	u16 control;

	acpi_take_over();
	control = inw(acpi_power.pm1a_control) & ~0x3c00;
	outw(acpi_power.pm1a_control, control | acpi_power.s5_type_a << 10 | 1 << 13);
	if (acpi_power.pm1b_control)
		outw(acpi_power.pm1b_control, (inw(acpi_power.pm1b_control) & ~0x3c00) | acpi_power.s5_type_b << 10 | 1 << 13);
	arch_delay_us(100000);
}

void machine_power_off(void)
{
	pr_info("power off\n");
	stop_other_cpus();
	local_irq_disable();
	if (acpi_power.can_sleep)
		acpi_sleep_off();
	for (const char *p = "Shutdown"; *p; p++)
		outb(0x8900, *p); /* Bochs */
	printk(KERN_EMERG "It is now safe to switch the machine off.\n");
	stop_here();
}

static void acpi_reset(void)
{
	u64 a = acpi_power.reset_address;

	if (acpi_power.reset_space == 1)
		outb(a, acpi_power.reset_value);
	else if (acpi_power.reset_space == 2)
		pci_write8(PCI_ADDRESS(0, a >> 32 & 31, a >> 16 & 7), a & 255, acpi_power.reset_value);
	arch_delay_us(10000);
}

void machine_restart(void)
{
	struct __packed { u16 limit; u32 base; } none = { 0, 0 };

	pr_info("restart\n");
	stop_other_cpus();
	local_irq_disable();
	if (acpi_power.can_reset)
		acpi_reset();
	for (int i = 0; i < 1000 && (inb(0x64) & 2); i++)
		arch_delay_us(10);
	outb(0x64, 0xfe);       /* keyboard controller: pulse the reset line */
	arch_delay_us(10000);
	outb(0xcf9, 2);
	outb(0xcf9, 6);         /* chipset: hard reset */
	arch_delay_us(10000);
	__asm__ volatile("lidt %0; int3" : : "m"(none));
	stop_here();
}
