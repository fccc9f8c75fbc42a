#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Write a page with the examples of the library.

Usage: examples.py EXAMPLES-DIRECTORY OUTPUT-DIRECTORY

Copies each program there, and writes examples.rst with the comment at its head.
"""

import re
import shutil
import sys
from pathlib import Path

from licence import licence

LICENCE = licence("..", "GPL-2.0-only") + "\n"


def comment_of(path):
    """The paragraphs of the comment at the head of a file."""
    text = re.search(r"/\*(.*?)\*/", path.read_text(encoding="utf-8"), re.S)
    if not text:
        sys.exit(f"{path}: no comment at the head")
    lines = [re.sub(r"^ \* ?", "", line) for line in text.group(1).splitlines()]
    lines = [line for line in lines if "SPDX" not in line]
    return "\n".join(lines).strip().replace("*", "\\*")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1])
    source, output = map(Path, sys.argv[1:])
    (output / "examples").mkdir(parents=True, exist_ok=True)
    out = LICENCE + "========\nExamples\n========\n\n"
    out += ("The programs in ``userlib/examples/``. ``make check-docs`` builds them against the\n"
            "installed library and runs them.\n\n")
    for path in sorted(source.glob("*.c*")):
        shutil.copy(path, output / "examples" / path.name)
        out += f"{path.name}\n{'=' * len(path.name)}\n\n{comment_of(path)}\n\n"
        language = "c++" if path.suffix == ".cc" else "c"
        out += f".. literalinclude:: examples/{path.name}\n   :language: {language}\n\n"
    (output / "examples.rst").write_text(out, encoding="utf-8")


if __name__ == "__main__":
    main()
