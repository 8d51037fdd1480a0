#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# test: soak time=5000
"""The stress programs at full length (stress.py says what each must show). The host needs 14 GB free for the first."""
import sys

import stress

sys.exit(stress.main(stress.LONG))
