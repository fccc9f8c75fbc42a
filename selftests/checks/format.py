#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Compare sources with what clang-format would make of them, but for line breaks.

Usage: format.py FILE...

A person breaks a long line where it reads best, which clang-format cannot. So lines
that go on with a statement are joined to the one that it begins on, columns between
words count as one space, and then must be the same: indentation of statements, place
of braces, spaces at operators, keywords and pointers. Prints what differs.
"""

import difflib
import re
import subprocess
import sys
from pathlib import Path

CONFIG = Path(__file__).resolve().parents[2] / ".clang-format"


def statements(text):
    """Lines with indentation, continued ones joined, without comments."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"([;:]) +(?=[;:])", r"\1", text)
    lines, open_statement = [], False
    for line in text.splitlines():
        body = re.sub(r"[ \t]+", " ", line.strip())
        if not body:
            continue
        directive = body.startswith("#")
        if open_statement and not directive:
            lines[-1] += " " + body
        else:
            lines.append(re.match(r"[ \t]*", line).group(0) + body)
        label = re.match(r"^(case .*|default|\w+):$", body) and "?" not in lines[-1]
        inside = lines[-1].count("(") > lines[-1].count(")")
        ended = re.search(r"[;{}]$", body) and not inside
        open_statement = not directive and not label and not ended
        if re.match(r"^(.*\belse|do)$", body):
            open_statement = False
    # A line may be broken after a cast; clang-format has its own idea of ":::".
    lines = [re.sub(r": (?=:)", ":", line.replace(") (", ")(")) for line in lines]
    return [re.sub(r" ?([()\[\]{},\\]) ?", r"\1", line) if line.lstrip().startswith("#") else
            re.sub(r"([(\[]) | (?=[)\]])", r"\1", line) for line in lines]


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    # A .clang-format without a limit of columns keeps lines as they are.
    style = "{" + ", ".join(_style(CONFIG.read_text(encoding="utf-8"))) + "}"
    different = 0
    for name in sys.argv[1:]:
        text = Path(name).read_text(encoding="utf-8")
        formatted = subprocess.run(["clang-format", f"--style={style}", name], check=True,
                                   capture_output=True, text=True).stdout
        for line in difflib.unified_diff(statements(text), statements(formatted), name,
                                         "clang-format", n=0, lineterm=""):
            print(line)
            different = 1
    return different


def _style(text):
    """The configuration in one line, as --style takes it."""
    items, key = [], None
    for line in text.splitlines():
        if re.match(r"\s*(#|---|$)", line):
            continue
        if line.startswith("  "):
            items[-1][1].append(line.strip())
        else:
            key, value = line.split(":", 1)
            items.append((key, [value.strip()] if value.strip() else []))
    for key, values in items:
        if key == "ColumnLimit":
            values = ["0"]
        if values and values[0].startswith("- "):
            values = ["[" + ", ".join(value[2:] for value in values) + "]"]
        elif values and ":" in values[0]:
            values = ["{" + ", ".join(values) + "}"]
        yield f"{key}: {values[0]}"


if __name__ == "__main__":
    sys.exit(main())
