#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""usage: compile-commands.py 'COMPILER FLAGS' FILE...   prints compile_commands.json for editors and clangd"""
import json
import os
import sys

command, files = sys.argv[1], sys.argv[2:]
entries = [{"directory": os.getcwd(), "command": f"{command} -c {f}", "file": f} for f in files]
print(json.dumps(entries, indent=1))
