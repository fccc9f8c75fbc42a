#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Write the reference of the library for Sphinx from the public headers.

Usage: rst.py INCLUDE-DIRECTORY OUTPUT-DIRECTORY

One page for each header, and index.rst.
"""

import re
import sys
from pathlib import Path

import headerdoc
from licence import licence

LICENCE = licence("..", "LGPL-2.1-or-later") + "\n"


_NAME = re.compile(r"(?<![\w`])(codearena_\w*\*?(?:\(\))?|CODEARENA_\w*\*?|-E[A-Z0-9]+)")


def _plain_text(words):
    """Text without names: what RST would take for a mark is escaped."""
    words = words.replace("\\", "\\\\").replace("`", "'")
    words = re.sub(r"([*|])", r"\\\1", words)
    return re.sub(r"(\w)_(?=[\s.,;:)]|$)", r"\1\\_", words)


def text(words):
    """Running text: names of the interface are code, the rest is plain."""
    out = ""
    for index, part in enumerate(_NAME.split(headerdoc.plain(words))):
        if index % 2:
            # An inline literal has to be apart from letters on both sides.
            out += ("\\ " if out and out[-1].isalnum() else "") + f"``{part}``"
        elif part:
            out += ("\\ " if out and part[0].isalnum() else "") + _plain_text(part)
    return out


def heading(words, mark):
    return f"{words}\n{mark * len(words)}\n\n"


def listing(lines, language="none"):
    body = "\n".join("   " + line.expandtabs(8) for line in lines)
    return f".. code-block:: {language}\n\n{body}\n\n"


def paragraphs(paras):
    out = ""
    for para in paras:
        items = headerdoc.bullets(para)
        if items:
            out += "".join(f"* {text(item)}\n" for item in items) + "\n"
        elif headerdoc.is_literal(para):
            out += listing(para)
        else:
            out += text(" ".join(para)) + "\n\n"
    return out


def item_text(item):
    kind = item.kind + " " if item.kind in ("struct", "enum") else ""
    call = "()" if item.kind == "function" else ""
    out = f".. index:: single: {item.name}\n\n" + heading(f"{kind}{item.name}{call}", "~")
    out += text(headerdoc.sentence(item.brief)) + "\n\n"
    out += listing(item.code.split("\n"), "c")
    out += "".join(f"``{name}``\n   {text(words)}\n\n" for name, words in item.params)
    out += paragraphs(item.body)
    if item.returns:
        out += "Returns: " + text(item.returns) + "\n\n"
    return out


def constants_text(header):
    if not header.constants:
        return ""
    out = heading("Constants", "-")
    for name, value, words in header.constants:
        out += f"``{name}`` = ``{value}``\n   {text(words)}\n\n"
    return out


def section_text(header, section):
    """A part of a header: its heading, unless there is only one, text and items."""
    out = ""
    if len(header.sections) > 1 and section.title:
        first, _, rest = section.title.partition(". ")
        out += heading(first.rstrip("."), "-") + (text(rest) + "\n\n" if rest else "")
    return out + paragraphs(section.overview) + "".join(map(item_text, section.items))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1])
    include, output = map(Path, sys.argv[1:])
    output.mkdir(parents=True, exist_ok=True)
    names = []
    for header in headerdoc.parse_all(include):
        name = header.name.removesuffix(".h").replace("/", "-")
        names.append(name)
        out = LICENCE + heading(f"<{header.name}>", "=") + text(header.title) + "\n\n"
        out += "".join(section_text(header, section) for section in header.sections)
        out += constants_text(header)
        (output / f"{name}.rst").write_text(out, encoding="utf-8")
    out = LICENCE + heading("Library reference", "=")
    out += ("Written from the public headers. The man pages of section 3 have the same text,\n"
            "with the errors of each function listed one by one.\n\n"
            ".. toctree::\n   :maxdepth: 2\n\n" + "".join(f"   {name}\n" for name in names))
    (output / "index.rst").write_text(out, encoding="utf-8")


if __name__ == "__main__":
    main()
