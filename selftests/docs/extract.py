#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Copy commands and programs out of the README and the guide.

Usage: extract.py README GUIDE OUTPUT-DIRECTORY

Writes
  readme/example.c   the program of the README
  readme/build       the command that compiles it
  guide/NAME.c       each program that the guide marks by ".. program: NAME.c", and
                     beside it NAME.out, what it prints; NAME.bt, the functions of the
                     stack where gdb stops in it, if the guide shows them
  guide/install, guide/build   commands that it marks by ".. commands: NAME"
  guide/FILE         files that it marks by ".. file: FILE"
"""

import re
import sys
import textwrap
from pathlib import Path


def readme(text, output):
    program = re.search(r"^```c\n(.*?)^```$", text, re.S | re.M)
    build = re.search(r"^    (cc example\.c .*)$", text, re.M)
    install = re.search(r"^    (make install\b.*?)(?:\s+#.*)?$", text, re.M)
    if not program or not build or not install:
        sys.exit("the README has no program, or no commands to install and compile")
    lines = program.group(1).count("\n")
    if lines > 30:
        sys.exit(f"the program of the README has {lines} lines")
    output.mkdir(parents=True)
    (output / "example.c").write_text(program.group(1), encoding="utf-8")
    (output / "build").write_text(build.group(1) + "\n", encoding="utf-8")
    (output / "install").write_text(install.group(1) + "\n", encoding="utf-8")


# Blocks that belong to the program above them.
ENDINGS = {"prints": ".out", "backtrace": ".bt"}

# The guide promises that traps take little code.
LONGEST = {"load.c": 25}


def guide(text, output):
    output.mkdir(parents=True)
    pattern = (r"^\.\. (program|commands|file|prints|backtrace)(?:: (\S+))?\n\n"
               r"\.\. code-block:: \w+\n\n((?:(?:    .*)?\n)+)")
    name, found = None, 0
    for kind, argument, block in re.findall(pattern, text, re.M):
        block = textwrap.dedent(block).strip("\n") + "\n"
        if kind in ENDINGS:
            target = re.sub(r"\.c$", ENDINGS[kind], name)
        else:
            target = argument
            if kind == "program":
                name = argument
                lines = block.count("\n")
                if lines > LONGEST.get(name, lines):
                    sys.exit(f"{name} of the guide has {lines} lines")
        (output / target).write_text(block, encoding="utf-8")
        found += 1
    marks = len(re.findall(r"^\.\. (?:program|commands|file|prints|backtrace)\b", text, re.M))
    if found != marks:
        sys.exit(f"the guide has {marks} marks, {found} of them in front of a block")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    output = Path(sys.argv[3])
    readme(Path(sys.argv[1]).read_text(encoding="utf-8"), output / "readme")
    guide(Path(sys.argv[2]).read_text(encoding="utf-8"), output / "guide")


if __name__ == "__main__":
    main()
