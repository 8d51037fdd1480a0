/* SPDX-License-Identifier: MIT
 *
 * The end of a run. None of these return; whoever calls has synced what is to be kept.
 */
#ifndef DRIVERS_BUS_POWER_H
#define DRIVERS_BUS_POWER_H

#include "kernel/lib/types.h"

void machine_power_off(void) __noreturn; /* ACPI S5; else what emulators know; else halts with a line */
void machine_restart(void) __noreturn;   /* ACPI reset register, keyboard controller, chipset, triple fault */

#endif
