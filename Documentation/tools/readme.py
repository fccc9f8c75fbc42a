# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Tables of the README that are made from recorded runs."""

import re
import sys
from pathlib import Path


def keep(usage, name, make):
    """Compare the table between two marks with make(RECORD), or write it.

    The command line is [--write] README RECORD. Fails if the table differs, unless it is
    to be written, and if there is no place for it.
    """
    arguments = [word for word in sys.argv[1:] if word != "--write"]
    if len(arguments) != 2:
        sys.exit(usage.split("\n\n")[1])
    readme = Path(arguments[0])
    text = readme.read_text(encoding="utf-8")
    place = re.compile(rf"(<!-- {name}[^\n]*-->\n).*?(<!-- end of {name} -->)", re.S)
    if not place.search(text):
        sys.exit(f"{readme}: no place for the table {name}")
    made = make(arguments[1])
    new = place.sub(lambda match: match.group(1) + made + match.group(2), text)
    if new == text:
        return
    if "--write" not in sys.argv:
        sys.exit(f"{readme}: the table {name} is not that of {arguments[1]}: run\n"
                 f"  Documentation/tools/{name}.py --write {arguments[0]} {arguments[1]}")
    readme.write_text(new, encoding="utf-8")
