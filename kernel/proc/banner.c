/* SPDX-License-Identifier: MIT
 *
 * The last four lines of the boot: what runs, how it searches its reverse map, on what, and what to try.
 */
#include "kernel/proc/internal.h"
#include "kernel/proc/proc.h"
#include "mm/phys/phys.h"
#include "mm/rmap/rmap.h"
#include "version.h"

void boot_banner(void)
{
	unsigned online = 0;

	for_each_online_cpu(cpu)
		online++;
	printk(KERN_NOTICE "Isthmus %s, commit %s, %s build\n", ISTHMUS_VERSION, ISTHMUS_COMMIT, ISTHMUS_BUILD);
	printk(KERN_NOTICE "schemes: rmap.anon=%s rmap.file=%s\n", rmap_anon->name, rmap_file->name);
	printk(KERN_NOTICE "%u CPU%s; low memory %lu MB, %lu free; high memory %lu MB, %lu free\n", online, online == 1 ? "" : "s",
	       kB(totalram_pages - totalhigh_pages) >> 10, kB(nr_free_low()) >> 10, kB(totalhigh_pages) >> 10,
	       kB(nr_free_pages() - nr_free_low()) >> 10);
	printk(KERN_NOTICE "try help, top, cat /proc/lowmem; poweroff leaves; hung: Ctrl-O h\n");
}
