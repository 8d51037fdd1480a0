#!/bin/sh
# SPDX-License-Identifier: MIT
# test: set=test time=200
# The fuzz targets for a short time: what they find lies in build/fuzz.
out=$(make -s fuzz SECONDS=15 2>&1) && echo "ok 1 - ext2 images, fifteen seconds" || {
	echo "$out" | tail -20 | sed 's/^/# /'
	echo "not ok 1 - ext2 images, fifteen seconds"
	status=1
}
echo 1..1
exit ${status:-0}
