#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Draw recorded benchmark runs, for light and dark pages.

Usage: plots.py RESULTS-DIRECTORY OUTPUT-DIRECTORY
       plots.py --overview [--write] RESULTS PICTURE

The first writes figures.rst, which has a section for each case, with bars (NAME.svg)
of the oldest kernel's run, and a table of all runs; and lines of how costs grow
(growth-NAME.svg), of the same run. The second compares PICTURE, the
one of the README, with what RESULTS gives, and fails if it differs; with --write it
is replaced.
"""

import math
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import results
from licence import licence

LICENCE = licence("..", "GPL-2.0-only") + "\n"
BAR, GAP, LEFT, WIDTH, RIGHT = 18, 6, 110, 460, 90
STYLE = """<style>
text { fill: #1f2328 } .ours { fill: #1f6f9f } .peer { fill: #a9b4c2 }
path.ours, path.peer { fill: none; stroke-width: 2 }
path.ours { stroke: #1f6f9f } path.peer { stroke: #a9b4c2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ours { fill: #5aaedb } .peer { fill: #5f6b78 }
path.ours { stroke: #5aaedb } path.peer { stroke: #5f6b78 }
}
</style>"""
SVG_LICENCE = ("<!-- SPDX-" "License-Identifier: GPL-2.0-only -->\n"
               "<!-- SPDX-" "FileCopyrightText: 2026 The codearena authors -->\n")
OVERVIEW = (
    ("publish_64", "Add one function of 64 bytes and call it"),
    ("publish_256x256_scattered", "Add 256 functions at scattered places: each"),
    ("patch_slot", "Retarget one jump-table slot"),
    ("trap_memory", "Trap: access out of bounds"),
)

# Of each line: what it is, and its points: along the axis, the case and the way.
GROWTH = {
    "call": ("Instructions for each function of 256 bytes, by functions in a call", {
        way: [(count, f"publish_{count}x256", way) for count in (1, 4, 16, 64, 256)]
        for way in ("codearena", "mprotect")}),
    "functions": ("Instructions for adding and calling a function, by functions in the arena", {
        "codearena": [("0", "publish_64", "codearena")] + [
            (f"{count},000", f"publish_64_among_{count}k", "codearena") for count in (1, 10, 100)]}),
    "tables": ("Instructions for a trap, by tables of protected instructions", {
        "codearena": [("1", "trap_memory", "codearena"), ("1,000", "trap_1k_tables", "codearena"),
                      ("10,000", "trap_10k_tables", "codearena"),
                      ("100,000", "trap_scale", "codearena")],
        "signal": [(count, "trap_memory", "signal")
                   for count in ("1", "1,000", "10,000", "100,000")]}),
    "views": ("Instructions for a trap, by views of the process", {
        "codearena": [("1", "trap_memory", "codearena")] + [
            (count, f"trap_{name}_views", "codearena")
            for count, name in (("100", "100"), ("1,000", "1k"), ("10,000", "10k"))],
        "signal": [(count, "trap_memory", "signal") for count in ("1", "100", "1,000", "10,000")]}),
    "threads": ("Instructions for adding a function, by threads on one processor", {
        "codearena": [("1", "publish_2_threads", "one_thread"),
                      ("2", "publish_2_threads", "codearena"),
                      ("4", "publish_4_threads", "codearena")]}),
}
HEIGHT, INDENT = 160, 40


def panel(title, bars, top):
    """Bars from 0, one for each way, the longest as wide as the picture."""
    most = max(value for _, value in bars) or 1
    out = [f'<text x="0" y="{top + 14}">{escape(title)}</text>']
    for index, (label, value) in enumerate(bars):
        y = top + 24 + index * (BAR + GAP)
        length = WIDTH * value / most
        out.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>')
        out.append(f'<rect class="{"ours" if label == "codearena" else "peer"}" x="{LEFT}" y="{y}" '
                   f'width="{max(1, length):.1f}" height="{BAR}"/>')
        out.append(f'<text x="{LEFT + length + 6:.1f}" y="{y + 13}">{value:,.10g}</text>')
    return out, top + 24 + (BAR + GAP) * len(bars) + 12


def picture(panels):
    """A picture of panels, each (title, bars), one below the other."""
    body, top = [], 0
    for title, bars in panels:
        lines, top = panel(title, bars, top)
        body += lines
    return image(body, top)


def height_of(value, values):
    """Where a value lies: from 0, or between powers of ten if the values differ much."""
    most, least = max(values), min(values)
    if most < 20 * least:
        return 44 + HEIGHT * (1 - value / most)
    return 44 + HEIGHT * math.log(most / value) / math.log(most / least * 2)


def line(way, points, lines):
    """One line with its values, from (along the axis, value); the axis is even."""
    kind = "ours" if way == "codearena" else "peer"
    values = [value for other in lines.values() for _, value in other]
    places = [(INDENT + index * WIDTH / (len(points) - 1), height_of(value, values))
              for index, (_, value) in enumerate(points)]
    out = [f'<path class="{kind}" d="M' + " L".join(f"{x:.1f} {y:.1f}" for x, y in places) + '"/>']
    for index, ((x, y), (_, value)) in enumerate(zip(places, points)):
        # The highest has its value above it, so that values do not meet.
        highest = value == max(other[index][1] for other in lines.values())
        text = y - 8 if highest else y + 18
        out.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
        out.append(f'<text x="{x:.1f}" y="{text:.1f}" text-anchor="middle">{value:,.10g}</text>')
    return out + [f'<text x="{x + 28:.1f}" y="{text:.1f}">{escape(way)}</text>']


def growth(run, name):
    """How a cost grows, in one run: a line for each way. None if that was not measured."""
    title, ways = GROWTH[name]
    lines = {way: [(at, run.cost(case, peer)) for at, case, peer in points]
             for way, points in ways.items()}
    if any(value is None for points in lines.values() for _, value in points):
        return None
    out = [f'<text x="0" y="14">{escape(title)}</text>']
    for way, points in lines.items():
        out += line(way, points, lines)
    ticks = next(iter(lines.values()))
    for index, (at, _) in enumerate(ticks):
        out.append(f'<text x="{INDENT + index * WIDTH / (len(ticks) - 1):.1f}" y="{HEIGHT + 76}" '
                   f'text-anchor="middle">{at}</text>')
    return image(out, HEIGHT + 84)


def image(body, height):
    """A picture, as wide as all of them."""
    return "\n".join([f'{SVG_LICENCE}<svg xmlns="http://www.w3.org/2000/svg" '
                      f'width="{LEFT + WIDTH + RIGHT}" height="{height}" '
                      f'font-family="sans-serif" font-size="12">', STYLE, *body, "</svg>"]) + "\n"


def bars_of(run, case):
    """The ways of a case and what they cost, codearena first."""
    rows = [row for row in run.rows if row[0] == case]
    if not rows:
        sys.exit(f"{run.name}: no row {case}")
    return list(dict.fromkeys([("codearena", rows[0][2])] + [(row[3], row[4]) for row in rows]))


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


def figures(directory, output):
    """All cases of all runs."""
    runs = results.read_all(directory)
    if not runs:
        sys.exit(f"{directory}: no recorded run")
    output.mkdir(parents=True, exist_ok=True)
    out = LICENCE + ":orphan:\n\n"
    for run in runs:
        out += f"* {run.name}: {run.about['kernel']}; {run.about['machine']}; {run.about['date']}\n"
    out += f"\nGrowth, {runs[0].name}\n{'-' * len('Growth, ' + runs[0].name)}\n\n"
    for name, (title, _) in GROWTH.items():
        made = growth(runs[0], name)
        if not made:
            sys.exit(f"{runs[0].name}: not all rows of '{title}'")
        (output / f"growth-{name}.svg").write_text(made, encoding="utf-8")
        out += f".. image:: /performance/growth-{name}.svg\n   :alt: {title}\n\n"
    for case in dict.fromkeys(row[0] for run in runs for row in run.rows):
        measured = [run for run in runs if any(row[0] == case for row in run.rows)]
        unit = next(row[1] for row in measured[0].rows if row[0] == case)
        title = f"{case} ({unit}, less is better; {measured[0].name})"
        (output / f"{case}.svg").write_text(picture([(title, bars_of(measured[0], case))]),
                                            encoding="utf-8")
        out += f"\n{case}\n{'-' * len(case)}\n\n"
        out += f".. image:: /performance/{case}.svg\n   :alt: {case}, {measured[0].name}\n\n"
        out += table(case, measured)
    (output / "figures.rst").write_text(out, encoding="utf-8")


def overview(path, file, write):
    """The picture of the README."""
    run = results.read(path)
    made = picture([(f"{words} (instructions)", bars_of(run, case)) for case, words in OVERVIEW])
    if file.exists() and file.read_text(encoding="utf-8") == made:
        return
    if not write:
        sys.exit(f"{file}: not the picture of {path}: run\n"
                 f"  Documentation/tools/plots.py --overview --write {path} {file}")
    file.write_text(made, encoding="utf-8")


def main():
    options = {word for word in sys.argv[1:] if word.startswith("--")}
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    if len(words) != 2 or options - {"--overview", "--write"}:
        sys.exit("\n\n".join(__doc__.split("\n\n")[1:]))
    if "--overview" in options:
        overview(words[0], Path(words[1]), "--write" in options)
    else:
        figures(words[0], Path(words[1]))


if __name__ == "__main__":
    main()
