/* SPDX-License-Identifier: MIT
 *
 * boot/tables.c, for boot/main.c.
 */
#ifndef BOOT_TABLES_H
#define BOOT_TABLES_H

void arch_ops_init(void); /* after phys_init */
void tables_init(void);   /* trap_ops, virt_ops */

#endif
