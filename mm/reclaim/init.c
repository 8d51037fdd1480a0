/* SPDX-License-Identifier: MIT
 *
 * The room's hooks into the allocator. Before reclaim_init an allocation that finds no memory fails.
 */
#include "mm/reclaim/internal.h"
#include "mm/reclaim/oom.h"

void reclaim_init(void)
{
	static const struct phys_ops ops = { .reclaim = direct_reclaim, .wake_reclaim = wake_kswapd, .oom = oom };

	kswapd_init();
	oom_reap_init();
	phys_ops = &ops;
}
