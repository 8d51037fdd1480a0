/* SPDX-License-Identifier: MIT
 * test: mem=5G smp=4 time=60 disk=64M:dos block=both linux=no qemu="-machine max-ram-below-4g=900M"
 *
 * disk.c with all high memory beyond 4 GB, out of an ATA disk's reach, and more CPUs.
 */
#define HIGH 1
#include "disk.c"
