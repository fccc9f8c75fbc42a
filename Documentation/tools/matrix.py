#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Keep the table of kernels in the README equal to the recorded matrix of kernels.

Usage: matrix.py [--write] README MATRIX

MATRIX is selftests/vm/matrix.tsv, which `selftests/vm/matrix.sh record` writes. The table
stands in the README between "<!-- matrix" and "<!-- end of matrix -->". Fails if it
differs; with --write it is replaced.
"""

import sys
from pathlib import Path

import readme

NAMES = {"x86_64": "x86-64"}
HEAD = "| | kernel | release | passed | skipped | on |\n|---|---|---|--:|--:|---|\n"


def table(path):
    """The table, one line for each row that was recorded."""
    out = HEAD
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != 8:
            sys.exit(f"{path}:{number}: {len(cells)} columns instead of 8")
        _, arch, release, kernel, passed, skipped, date, _ = cells
        out += (f"| {NAMES.get(arch, arch)} | {kernel} | {release} | {int(passed):,} "
                f"| {int(skipped):,} | {date} |\n")
    return out


if __name__ == "__main__":
    readme.keep(__doc__, "matrix", table)
