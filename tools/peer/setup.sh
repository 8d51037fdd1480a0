#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches the yardstick, Debian's Linux 6.1 686-PAE, into the cache folder (CACHE, default .cache in this repository).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
exec "$root/tools/deps.sh" --peer "${CACHE:-$root/.cache}"
