/* SPDX-License-Identifier: MIT
 * unit:
 *
 * The vocabulary of kernel/lib/types.h, and the smallest example of a unit test.
 */
#include "tools/tests/unit/unit.h"

TEST(error_pointers_cover_exactly_the_last_4095_addresses)
{
	CHECK(IS_ERR(ERR_PTR(-1)));
	CHECK(IS_ERR(ERR_PTR(-MAX_ERRNO)));
	CHECK(!IS_ERR(ERR_PTR(-MAX_ERRNO - 1)));
	CHECK(!IS_ERR(NULL) && IS_ERR_OR_NULL(NULL));
	CHECK(PTR_ERR(ERR_PTR(-ENOMEM)) == -ENOMEM);
}

TEST(alignment_works_for_64_bit_values)
{
	CHECK(ALIGN_UP(0x1234567890abcULL, 0x1000) == 0x1234567891000ULL);
	CHECK(ALIGN_DOWN(0x1234567890abcULL, 0x1000) == 0x1234567890000ULL);
	CHECK(IS_ALIGNED(GB(64), 1u << 21));
}

TEST(min_and_max_evaluate_their_arguments_once)
{
	int n = 0;

	CHECK(max(n++, -5) == 0 && n == 1);
	CHECK(clamp(17, 0, 9) == 9);
}
