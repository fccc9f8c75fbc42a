#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Draw recorded benchmark runs.

Usage: plots.py RESULTS-DIRECTORY OUTPUT-DIRECTORY

Writes figures.rst, which has a section for each case, with bars (NAME.svg) of the
first run, and a table of all runs.
"""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

import results
from licence import licence

LICENCE = licence("..", "GPL-2.0-only") + "\n"
BAR, GAP, LEFT, WIDTH = 18, 6, 100, 460


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


def table(case, runs):
    """A row for each way, a column for each run."""
    out = "   * - way\n" + "".join(f"     - {run.name}\n" for run in runs)
    ways = dict.fromkeys(["codearena"] + [row[3] for run in runs for row in run.rows
                                          if row[0] == case])
    for way in ways:
        cells = [run.cost(case, way) for run in runs]
        out += f"   * - {way}\n" + "".join(
            f"     - {'' if cell is None else format(cell, ',.10g')}\n" for cell in cells)
    return ".. list-table::\n   :header-rows: 1\n\n" + out + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1])
    runs, output = results.read_all(sys.argv[1]), Path(sys.argv[2])
    if not runs:
        sys.exit(f"{sys.argv[1]}: no recorded run")
    output.mkdir(parents=True, exist_ok=True)
    out = LICENCE + ":orphan:\n\n"
    for run in runs:
        out += f"* {run.name}: {run.about['kernel']}; {run.about['machine']}; {run.about['date']}\n"
    for case in dict.fromkeys(row[0] for row in runs[0].rows):
        mine = [row for row in runs[0].rows if row[0] == case]
        bars = list(dict.fromkeys([("codearena", mine[0][2])] +
                                  [(row[3], row[4]) for row in mine]))
        (output / f"{case}.svg").write_text(svg(case, mine[0][1], bars), encoding="utf-8")
        out += f"\n{case}\n{'-' * len(case)}\n\n"
        out += f".. image:: /performance/{case}.svg\n   :alt: {case}, {runs[0].name}\n\n"
        out += table(case, runs)
    (output / "figures.rst").write_text(out, encoding="utf-8")


if __name__ == "__main__":
    main()
