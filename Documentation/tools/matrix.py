#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Keep the table of kernels in the README equal to the recorded matrix of kernels.

Usage: matrix.py [--write] README MATRIX

MATRIX is selftests/vm/matrix.tsv, which `selftests/vm/matrix.sh record` writes. The table
stands in the README between "<!-- matrix" and "<!-- end of matrix -->". Fails if it
differs; with --write it is replaced.
"""

import re
import sys
from pathlib import Path

NAMES = {"x86_64": "x86-64"}
TABLE = re.compile(r"(<!-- matrix[^\n]*-->\n).*?(<!-- end of matrix -->)", re.S)
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


def main():
    """Compare, or write."""
    arguments = [word for word in sys.argv[1:] if word != "--write"]
    if len(arguments) != 2:
        sys.exit(__doc__.split("\n\n")[1])
    readme = Path(arguments[0])
    text = readme.read_text(encoding="utf-8")
    if not TABLE.search(text):
        sys.exit(f"{readme}: no place for the table of kernels")
    made = table(arguments[1])
    new = TABLE.sub(lambda match: match.group(1) + made + match.group(2), text)
    if new == text:
        return
    if "--write" not in sys.argv:
        sys.exit(f"{readme}: the table of kernels is not that of {arguments[1]}: run\n"
                 f"  Documentation/tools/matrix.py --write {arguments[0]} {arguments[1]}")
    readme.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
