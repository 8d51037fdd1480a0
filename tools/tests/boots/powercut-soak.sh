#!/bin/sh
# SPDX-License-Identifier: MIT
# test: soak time=1800
# The power goes twenty times; and at 1000 moments of ten logs.
exec "$(dirname "$0")/powercut.py" --rounds 20 --points 100
