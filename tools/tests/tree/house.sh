#!/bin/sh
# SPDX-License-Identifier: MIT
# test: set=quick time=20
# The order of the house (tools/check-house.py).
exec tools/check-house.py
