#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Write the man page of the device from its frame and the interface header.

Usage: device.py UAPI-HEADER FRAME OUTPUT

FRAME is a page with lines of the form ".\\\" kernel-doc: PART", each of which is
replaced: by commands, entries (structures of arrays), constants or errors.
"""

import re
import sys
from pathlib import Path

import headerdoc
import man

LISTED = ("size", "flags", "__reserved")  # not listed when they only must be set or 0


def members(item):
    """What each member is."""
    out = ".Bl -tag -width out_failed -compact\n"
    for name, words in item.params:
        if name in LISTED and words.startswith(("must be 0", "sizeof(")):
            continue
        out += f".It Va {name}\n" + man.sentences(words)
    return out + ".El\n"


def errors(words):
    """The list of a command's errors, each with what is in brackets after it."""
    found = re.findall(r"(E[A-Z0-9]+)(?: \(([^)]*)\))?", words)
    out = ".Pp\nErrors:\n"
    for index, (code, meaning) in enumerate(found):
        mark = " ." if index == len(found) - 1 else " ,"
        out += f".Er {code}\n.Pq {meaning}{mark}\n" if meaning else f".Er {code}{mark}\n"
    return out


def commands(header):
    """All ioctls, in the order of the header."""
    out = ".Bl -tag -width Ds\n"
    for item in header.items:
        match = re.match(r"ioctl\((\w+)\)", item.brief)
        if not match:
            continue
        out += f'.It Dv {match.group(1)} Fa "struct {item.name} *"\n'
        listed = ""
        for para in item.body:
            words = " ".join(para)
            if words.startswith("Errors: "):
                listed = errors(words)
            else:
                out += man.paragraphs([para])
        out += members(item) + listed
    return out + ".El\n"


def entries(header):
    """The structures that commands take arrays of."""
    out = ".Bl -tag -width Ds\n"
    for item in header.items:
        if item.kind == "struct" and not item.brief.startswith("ioctl("):
            out += f'.It Vt "struct {item.name}"\n'
            out += man.sentences(headerdoc.sentence(item.brief)) + members(item)
    return out + ".El\n"


def constants(header):
    """Macros with a value, but the numbers of commands."""
    out = ".Bl -tag -width Ds\n"
    for name, value, words in header.constants:
        if not value.startswith("_IO("):
            out += f".It Dv {name} No = Li {value}\n"
            out += man.sentences(headerdoc.sentence(words)) if words else ""
    return out + ".El\n"


def meanings(uapi):
    """The general table of errors."""
    out = ".Bl -tag -width Er\n"
    for code, words in headerdoc.error_meanings(uapi).items():
        out += f".It Bq Er {code}\n" + man.sentences(words)
    return out + ".El\n"


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.split("\n\n")[1])
    uapi, frame, output = map(Path, sys.argv[1:])
    header = headerdoc.parse(uapi)
    parts = {"commands": commands(header), "entries": entries(header),
             "constants": constants(header), "errors": meanings(uapi)}
    page = frame.read_text(encoding="utf-8")
    for part, text in parts.items():
        mark = f'.\\" kernel-doc: {part}\n'
        if mark not in page:
            sys.exit(f"{frame}: no line {mark.strip()}")
        page = page.replace(mark, text)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
