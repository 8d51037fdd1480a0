#!/bin/sh
# SPDX-License-Identifier: MIT
# usage: run-linux.sh [options of tools/run] -- COMMAND [ARG...]    runs COMMAND on lean Linux 6.1 686-PAE (LEAN= for Debian's defaults)
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${CACHE:-$root/.cache}
for kernel in "$cache"/peer/lx/boot/vmlinuz-*; do :; done
[ -e "$kernel" ] || { echo "run-linux.sh: no peer in $cache: run tools/peer/setup.sh" >&2; exit 2; }
lean=${LEAN-$(cat "$root/tools/peer/lean.txt")}
exec "$root/tools/run" --linux "$kernel" -a "$lean nokaslr norandmaps" "$@"
