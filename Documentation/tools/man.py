#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Write the man pages of the library from the public headers.

Usage: man.py INCLUDE-DIRECTORY UAPI-HEADER OVERVIEW OUTPUT-DIRECTORY

In man3 one page for each group of functions, in mdoc, and for each function a link to
it. In man7 the page OVERVIEW, with the list of these pages in place of its line
".\\\" pages".
"""

import errno
import os
import re
import sys
from pathlib import Path

import groups
import headerdoc
from licence import licence

# Changes when what the pages are made of is rewritten, not with every build.
DATE = "November 29, 2026"

LICENCE = licence('.\\"', "LGPL-2.1-or-later")


def escape(text):
    """Text for a line of its own."""
    text = text.replace("\\", "\\e")
    if text.startswith((".", "'")):
        text = "\\&" + text
    return text


_CALL = re.compile(r"^(\(?)([A-Za-z_]\w*)\(\)((?:'s)?)([.,;:)]*)$")
_PAGE = re.compile(r"^(\(?)([a-z_]\w*)\(([1-8])\)([.,;:)]*)$")


def _macro(word):
    """The macro line for a word that names a function or a page, or None."""
    match = _CALL.match(word)
    if match:
        opening, name, suffix, marks = match.groups()
        line = f"Fn {name}" + (f" Ns {suffix}" if suffix else "")
    else:
        match = _PAGE.match(word)
        if not match:
            return None
        opening, name, section, marks = match.groups()
        line = f"Xr {name} {section}"
    if opening:
        return f".No ( Ns {line}" + "".join(f" {mark}" for mark in marks)
    return f".{line}" + "".join(f" {mark}" for mark in marks)


def sentences(text):
    """Text with each sentence on lines of its own, as mdoc wants it."""
    text = headerdoc.plain(text)
    out, line = [], ""
    for word in text.split():
        macro = _macro(word)
        if macro:
            if line:
                out.append(escape(line))
                line = ""
            out.append(macro)
            continue
        if line and len(line) + len(word) > 76:
            out.append(escape(line))
            line = word
        else:
            line += (" " if line else "") + word
        if re.search(r"[^.]{2}[.!?][)\"']?$", word):
            out.append(escape(line))
            line = ""
    if line:
        out.append(escape(line))
    return "\n".join(out) + "\n" if out else ""


def quote(word):
    """An argument of a macro."""
    word = word.replace("\\", "\\e").replace('"', '""')
    return f'"{word}"' if " " in word or not word else word


def listing(lines):
    """Lines that stay as they are."""
    body = "\n".join(escape(line.replace("\t", "        ")) for line in lines)
    return f".Bd -literal -offset indent\n{body}\n.Ed\n"


def paragraphs(paras):
    """Paragraphs of a comment."""
    out, first = "", True
    for para in paras:
        items = headerdoc.bullets(para)
        if items:
            out += ".Bl -dash\n" + "".join(".It\n" + sentences(item) for item in items) + ".El\n"
        elif headerdoc.is_literal(para):
            out += listing(para)
        elif len(para) == 1 and len(para[0]) < 60 and not para[0].endswith((".", ":")) \
                and para is not paras[-1]:
            out += ("" if first else ".Pp\n") + f".Sy {escape(para[0].strip())}\n"
        else:
            out += ("" if first else ".Pp\n") + sentences(" ".join(para))
        first = False
    return out


def prototype(item):
    """A function or variable in the synopsis."""
    code = re.sub(r"\s+", " ", item.code.rstrip(";"))
    if item.kind == "variable":
        return f".Vt {quote(code)}\n"
    match = re.match(rf"(.*?)\b{item.name} ?\((.*)\)$", code)
    args, depth, current = [], 0, ""
    for char in match.group(2):
        depth += (char in "([") - (char in ")]")
        if char == "," and not depth:
            args.append(current.strip())
            current = ""
        else:
            current += char
    args.append(current.strip())
    out = f".Ft {quote(match.group(1).strip())}\n.Fo {item.name}\n"
    return out + "".join(f".Fa {quote(arg)}\n" for arg in args) + ".Fc\n"


def function_text(item):
    """What a function does."""
    out = f".Ss {item.name}\n" + sentences(headerdoc.sentence(item.brief))
    if item.params:
        out += ".Bl -tag -width Ds\n"
        for name, text in item.params:
            out += f".It Fa {name}\n" + sentences(text)
        out += ".El\n"
    if item.body:
        out += ".Pp\n" + paragraphs(item.body)
    return out


def type_text(item):
    """A structure, enumeration, type or macro."""
    kind = {"macro": "", "typedef": ""}.get(item.kind, item.kind + " ")
    out = f".Ss {kind}{item.name}\n" + sentences(headerdoc.sentence(item.brief))
    out += listing(item.code.split("\n"))
    if item.params:
        out += ".Bl -tag -width Ds\n"
        for name, text in item.params:
            out += f".It Va {name}\n" + sentences(text)
        out += ".El\n"
    if item.body:
        out += ".Pp\n" + paragraphs(item.body)
    return out


def returns_text(page):
    out = ("Functions that return\n.Vt int\nreturn 0, or a negative error number,\n"
           "unless it says otherwise here;\n.Va errno\n"
           "itself is not part of the interface.\n.Bl -tag -width Ds\n")
    for item in page.functions:
        if item.kind == "function":
            text = item.returns or "Nothing."
            out += f".It Fn {item.name}\n" + sentences(text[0].upper() + text[1:])
    return out + ".El\n"


def errors_text(page, meanings):
    out, silent = "", []
    for item in page.functions:
        if item.kind != "function":
            continue
        errors, others = headerdoc.errors_of(item.returns)
        if not errors and not others:
            silent.append(item.name)
            continue
        out += f".Ss {item.name}\n" + (".Bl -tag -width Er\n" if errors else "")
        for code, text in errors:
            text = text or meanings.get(code) or headerdoc.SYSTEM_MEANINGS.get(code)
            if not text:
                text = os.strerror(getattr(errno, code))
            if text.split()[0] not in [name for name, _ in item.params]:
                text = text[0].upper() + text[1:]
            text = text.rstrip(".") + "."
            out += f".It Bq Er {code}\n" + sentences(text)
        out += ".El\n" if errors else ""
        if others:
            out += ".Pp\nBesides: " if errors else ""
            out += sentences("; ".join(others) + ".")
    if silent:
        out += ".Ss Functions that do not fail\n"
        for name in silent:
            out += f".Fn {name}" + (" ,\n" if name != silent[-1] else " .\n")
    return out


def page_text(page, meanings, see):
    names = [item.name for item in page.functions]
    heading = [page.name] + [name for name in names if name != page.name]
    out = LICENCE + f".Dd {DATE}\n.Dt {page.name.upper()} 3\n.Os\n.Sh NAME\n"
    out += "".join(f".Nm {name} ,\n" for name in heading[:-1]) + f".Nm {heading[-1]}\n"
    out += f".Nd {page.title}\n"
    out += ".Sh LIBRARY\nlibcodearena (\\-lcodearena)\n"
    out += f".Sh SYNOPSIS\n.In {page.header.name}\n"
    out += "".join(prototype(item) for item in page.functions)
    out += ".Sh DESCRIPTION\n"
    out += sentences(headerdoc.sentence(page.section.title or page.header.title))
    if page.section.overview:
        out += ".Pp\n" + paragraphs(page.section.overview)
    out += "".join(function_text(item) for item in page.functions)
    out += "".join(type_text(item) for item in page.types)
    out += ".Sh RETURN VALUES\n" + returns_text(page)
    out += ".Sh ERRORS\n" + errors_text(page, meanings)
    out += ".Sh SEE ALSO\n"
    others = sorted(name for name in see if name != page.name)
    out += "".join(f".Xr {name} 3 ,\n" for name in others)
    out += ".Xr codearena 4 ,\n.Xr libcodearena 7\n"
    return out


def contents(headers, pages):
    """The pages of each header, for the overview."""
    out = ""
    for header in headers:
        mine = [page for page in pages.values() if page.header is header]
        out += f".Ss <{header.name}>\n.Bl -tag -width codearena_reservation(3) -compact\n"
        out += "".join(f".It Xr {page.name} 3\n{escape(page.title)}\n" for page in mine)
        out += ".El\n"
    return out


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__.split("\n\n")[1])
    include, uapi, overview, output = map(Path, sys.argv[1:])
    headers = headerdoc.parse_all(include)
    meanings = headerdoc.error_meanings(uapi)
    pages = groups.pages_of(headers)
    for section in ("man3", "man7"):
        (output / section).mkdir(parents=True, exist_ok=True)
    for page in pages.values():
        see = [other.name for other in pages.values() if other.header is page.header]
        text = page_text(page, meanings, see)
        (output / "man3" / f"{page.name}.3").write_text(text, encoding="utf-8")
        for item in page.functions:
            if item.name != page.name:
                (output / "man3" / f"{item.name}.3").write_text(f".so man3/{page.name}.3\n")
    text = overview.read_text(encoding="utf-8")
    if '.\\" pages\n' not in text:
        sys.exit(f'{overview}: no line .\\" pages')
    (output / "man7" / overview.name).write_text(
        text.replace('.\\" pages\n', contents(headers, pages)), encoding="utf-8")


if __name__ == "__main__":
    main()
