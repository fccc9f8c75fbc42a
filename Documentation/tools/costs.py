#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Keep the table of costs in the README equal to a recorded benchmark run.

Usage: costs.py [--write] README RESULTS

RESULTS is a file of selftests/bench/results/. The table stands in the README between
"<!-- costs" and "<!-- end of costs -->". Fails if it differs; with --write it is
replaced.
"""

import sys

import readme
import results

WAYS = ("codearena", "mprotect", "mprotect_own", "pwrite", "memfd", "signal")
HEADS = ("codearena", "mprotect", "mprotect, own mapping", "pwrite to memfd", "memfd alias",
         "signal handler")
COSTS = (
    ("publish_64", "publish one function of 64 bytes"),
    ("publish_256x256", "publish 256 functions of 256 bytes, side by side: each"),
    ("publish_256x256_scattered", "the same at scattered places: each"),
    ("patch_slot", "retarget one jump-table slot"),
    ("patch_256", "retarget 256 slots, side by side: each"),
    ("patch_256_scattered", "the same at scattered places: each"),
    ("trap_memory", "trap: access out of bounds"),
    ("trap_divide", "trap: division by zero"),
)


def table(run):
    """The table, and the line that says where it is from."""
    out = "| guest instructions | " + " | ".join(HEADS) + " |\n"
    out += "|---" + "|--:" * len(HEADS) + "|\n"
    for case, words in COSTS:
        cells = [run.cost(case, way) for way in WAYS]
        if cells[0] is None:
            sys.exit(f"{run.name}: no row {case}")
        out += f"| {words} | " + " | ".join("" if cell is None else f"{cell:,.0f}"
                                            for cell in cells) + " |\n"
    return out + f"\n{run.about['kernel']}; {run.about['machine']}; {run.about['date']}.\n"


if __name__ == "__main__":
    readme.keep(__doc__, "costs", lambda path: table(results.read(path)))
