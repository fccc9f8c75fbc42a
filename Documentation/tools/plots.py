#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Draw the figures of a benchmark run.

Usage: plots.py TSV OUTPUT-DIRECTORY

TSV is what `make bench` writes: name, unit, codearena, peer name, peer, ratio.
Writes figures.rst, a table with all rows, and NAME.svg, bars for each name. When
there is no TSV, figures.rst says how to get one.
"""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

from licence import licence

LICENCE = licence("..", "GPL-2.0-only") + "\n"
BAR, GAP, LEFT, WIDTH = 18, 6, 150, 420


def read(path):
    """Rows of the table, in its order."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = line.split("\t")
        if len(fields) != 6:
            sys.exit(f"{path}:{number}: {len(fields)} fields, not 6")
        rows.append((fields[0], fields[1], float(fields[2]), fields[3], float(fields[4]),
                     fields[5]))
    return rows


def svg(name, unit, bars):
    """Bars from 0, one for each way, the longest as wide as the picture."""
    most = max(value for _, value in bars) or 1
    height = (BAR + GAP) * len(bars) + 30
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 90}" '
           f'height="{height}" font-family="sans-serif" font-size="12">',
           f'<text x="0" y="14">{escape(name)} ({escape(unit)}, less is better)</text>']
    for index, (label, value) in enumerate(bars):
        top = 24 + index * (BAR + GAP)
        colour = "#2a6f97" if label == "codearena" else "#a9b4c2"
        out.append(f'<text x="{LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(label)}</text>')
        out.append(f'<rect x="{LEFT}" y="{top}" width="{max(1, WIDTH * value / most):.1f}" '
                   f'height="{BAR}" fill="{colour}"/>')
        out.append(f'<text x="{LEFT + WIDTH * value / most + 6:.1f}" y="{top + 13}">'
                   f'{value:,.10g}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1])
    table, output = map(Path, sys.argv[1:])
    output.mkdir(parents=True, exist_ok=True)
    if not table.exists():
        (output / "figures.rst").write_text(
            LICENCE + ":orphan:\n\nThere are no figures in this build of the documentation. "
            "``make bench`` measures,\n``make docs`` then draws.\n", encoding="utf-8")
        return
    rows = read(table)
    out = LICENCE + ":orphan:\n\n"
    for name in dict.fromkeys(row[0] for row in rows):
        mine = [row for row in rows if row[0] == name]
        bars = list(dict.fromkeys([("codearena", mine[0][2])] +
                                  [(row[3], row[4]) for row in mine]))
        (output / f"{name}.svg").write_text(svg(name, mine[0][1], bars), encoding="utf-8")
        out += f".. image:: /performance/{name}.svg\n   :alt: {name}\n\n"
    out += ".. list-table:: All rows\n   :header-rows: 1\n\n"
    head = ("name", "unit", "codearena", "peer", "figure of the peer", "ratio")
    for row in [head] + rows:
        cells = [f"{cell:,.10g}" if isinstance(cell, float) else cell for cell in row]
        out += "   * - " + "\n     - ".join(cells) + "\n"
    (output / "figures.rst").write_text(out, encoding="utf-8")


if __name__ == "__main__":
    main()
