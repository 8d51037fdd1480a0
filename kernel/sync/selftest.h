/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_SYNC_SELFTEST_H
#define KERNEL_SYNC_SELFTEST_H

void selftest_run(void); /* from the boot thread, all CPUs up; does nothing without selftest= */

#endif
