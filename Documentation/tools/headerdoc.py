# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Read the public headers of the library: what they declare, and the comments
that document it.

The man pages of section 3 and the reference of the library are made from the
result, so that neither can say anything else than the header.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path


class BadHeader(Exception):
    """A header does not have the form that this reader understands."""


@dataclass
class Item:
    """One documented declaration."""

    kind: str  # function, variable, struct, enum, typedef or macro
    name: str
    brief: str
    header: str
    code: str = ""
    params: list = field(default_factory=list)  # (name, text)
    body: list = field(default_factory=list)  # paragraphs, each a list of lines
    returns: str = ""


@dataclass
class Section:
    """A part of a header: from a comment between lines of dashes, or a comment of
    several paragraphs, to the next."""

    title: str
    overview: list = field(default_factory=list)
    items: list = field(default_factory=list)


@dataclass
class Header:
    """One header, as programs include it: codearena/trap.h."""

    name: str
    title: str
    sections: list
    constants: list  # (name, value, text)

    @property
    def items(self):
        return [item for section in self.sections for item in section.items]


def _comment_lines(text):
    """The lines of a comment without its frame."""
    lines = []
    for line in text.splitlines():
        line = re.sub(r"^\s*\* ?", "", line.rstrip()) if "*" in line else line.strip()
        lines.append(line.rstrip())
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def paragraphs(lines):
    """Split lines at empty ones."""
    result, current = [], []
    for line in lines + [""]:
        if line.strip():
            current.append(line)
        elif current:
            result.append(current)
            current = []
    return result


def is_literal(paragraph):
    """Is it a table or code, whose lines are to stay as they are?"""
    if all(re.match(r"^(\t|  )", line) for line in paragraph):
        return True
    columns = [line for line in paragraph if re.match(r"^\S.*?\S  +\S|^\S+  +\S", line)]
    return bool(columns) and not paragraph[0].startswith("- ")


def bullets(paragraph):
    """The items of a list with dashes, or None."""
    if not re.match(r"^\s*- ", paragraph[0]):
        return None
    items = []
    for line in paragraph:
        if re.match(r"^\s*- ", line):
            items.append(re.sub(r"^\s*- ", "", line))
        else:
            items[-1] += " " + line.strip()
    return items


def plain(text):
    """Take the marks of kernel-doc out of a text."""
    text = re.sub(r"&(struct|enum|typedef) ", r"\1 ", text)
    text = re.sub(r"[@%]([A-Za-z_])", r"\1", text)
    return re.sub(r"\s+", " ", text).strip()


def _parse_doc(item, lines):
    """Fill an item from the lines behind the one with its name."""
    params, rest, current = [], [], None
    in_params = True
    for line in lines:
        match = re.match(r"@([\w.]+):\s*(.*)", line)
        if in_params and match:
            current = [match.group(1), match.group(2)]
            params.append(current)
        elif in_params and current and line.strip() and line.startswith(" "):
            current[1] += " " + line.strip()
        else:
            in_params = in_params and not line.strip() and not rest
            rest.append(line)
    item.params = [(name, plain(text)) for name, text in params]
    text = "\n".join(rest)
    match = re.search(r"(?:^|(?<=[.:] )|(?<=\n))Return: ?((?:.|\n)*?)(?=\n\n|\Z)", text)
    if match:
        item.returns = plain(match.group(1))
        text = text[: match.start()] + text[match.end():]
    item.body = paragraphs(text.split("\n"))


def _declaration(text, start):
    """The declaration that begins at start: up to its semicolon, or a macro."""
    position = start
    while text[position] in "\n\t ":
        position += 1
    if text.startswith("#define", position):
        end = position
        while True:
            end = text.index("\n", end)
            if text[end - 1] != "\\":
                return text[position:end]
            end += 1
    depth = 0
    for end in range(position, len(text)):
        if text[end] in "({":
            depth += 1
        elif text[end] in ")}":
            depth -= 1
        elif text[end] == ";" and depth == 0:
            return text[position:end + 1]
    raise BadHeader("a declaration has no end: " + text[position:position + 60])


def _kind(code, name):
    for kind in ("struct", "enum"):
        if re.match(rf"{kind} {name}\b\s*\{{", code):
            return kind
    if code.startswith("#define"):
        return "macro"
    if code.startswith("typedef"):
        return "typedef"
    if re.search(rf"\b{name}\s*\(", code):
        return "function"
    if re.search(rf"\b{name}\b", code):
        return "variable"
    raise BadHeader(f"the comment about {name} stands before something else: {code[:60]}")


_DEFINE = re.compile(r"#define[ \t]+(CODEARENA_\w+)[ \t]+(?:\\\n\s*)?([^\n]*?)[ \t]*"
                     r"(?:/\*((?:(?!\*/)[\s\S])*?)\*/)?(?:\n|\Z)")


def _constants(text):
    """Macros with a value: what stands beside them, or else above their group."""
    found = []
    text = re.sub(r"[ \t]*\\\n[ \t]*", " ", text)
    for block in re.finditer(r"(?:^/\*((?:(?!\*/).)*?)\*/\n)?((?:^#define[^\n]*\n(?:[ \t]+[^\n]*\n)*)+)",
                             text, re.S | re.M):
        above = plain(" ".join(_comment_lines(block.group(1) or "")))
        for match in _DEFINE.finditer(block.group(2)):
            beside = plain(" ".join(_comment_lines(match.group(3) or "")))
            found.append((match.group(1), match.group(2).strip(), beside or above))
    return found


def sentence(words):
    """A brief description as a sentence of its own."""
    words = words[0].upper() + words[1:]
    return words if words.endswith((".", "?", "!")) else words + "."


def _title(paras):
    """Take the title off the paragraphs of a section: a line that is no sentence."""
    if len(paras) > 1 and len(paras[0]) == 1 and not is_literal(paras[0]) \
            and not paras[0][0].endswith((".", ":")):
        return plain(paras.pop(0)[0])
    return ""


def _open_section(sections, lines):
    """Account for a comment that documents no declaration."""
    current = sections[-1]
    if all(re.match(r"-+$", line) for line in (lines[0], lines[-1])):
        title = plain(" ".join(lines[1:-1]))
        if current.title or current.items or current.overview:
            sections.append(Section(title))
        else:
            current.title = title
        return
    paras = paragraphs([line for line in lines if "SPDX" not in line])
    if len(paras) > 1 or len(lines) > 3:
        if current.items:
            sections.append(Section(_title(paras)))
        sections[-1].overview += paras


def _documented(path, lines):
    """The item that a kernel-doc comment begins."""
    head = re.match(r"(?:(?:struct|enum|typedef) )?(\w+)(?:\(\))? - +(.*)", lines[0])
    if not head:
        raise BadHeader(f"{path.name}: cannot read: {lines[0]}")
    brief, rest = head.group(2), lines[1:]
    while rest and rest[0].startswith(" ") and not re.match(r"\s*@[\w.]+:", rest[0]):
        brief += " " + rest.pop(0).strip()
    item = Item("", head.group(1), plain(brief), path.name)
    _parse_doc(item, rest)
    return item


def _inheriting(path, lines, previous):
    """The item of "name - the same for ...": what is said of the one before holds."""
    head = re.match(r"(codearena_\w+) - (.*)", " ".join(lines))
    if not head or not previous:
        return None
    item = Item("", head.group(1), plain(head.group(2)), path.name)
    item.params, item.returns = previous.params, previous.returns
    if "the same" not in item.brief:
        item.returns = item.brief[0].upper() + item.brief[1:] + "."
    return item


def parse(path, name=None):
    """Read one header."""
    path = Path(path)
    text = path.read_text(encoding="utf-8")
    sections, inherited, title, previous = [Section("")], [], "", None
    for match in re.finditer(r"^/\*(\*?)(.*?)\*/", text, re.S | re.M):
        lines = _comment_lines(match.group(2))
        if match.group(1) and lines[0].startswith("DOC: "):
            sections.append(Section(lines[0].removeprefix("DOC: "), paragraphs(lines[1:])))
            continue
        if match.group(1):
            item = _documented(path, lines)
        else:
            item = _inheriting(path, lines, previous)
            if item:
                inherited.append(item)
            elif not title:
                lines = [line for line in lines if "SPDX" not in line]
                paras = paragraphs(lines)
                if paras:
                    title = plain(" ".join(paras.pop(0)))
                    sections[-1].overview += paras
                continue
            else:
                _open_section(sections, lines)
                continue
        item.code = _declaration(text, match.end())
        item.kind = _kind(item.code, item.name)
        sections[-1].items.append(item)
        if item.kind == "function":
            previous = item
    for item in inherited:
        arguments = item.code[item.code.index("("):]
        item.params = [param for param in item.params
                       if re.search(rf"\b{param[0]}\b", arguments)]
    return Header(name or path.name, title, sections, _constants(text))


# What every function has to say, or the overview of its section for all of them:
# what a paragraph there begins with, and what a function's own text contains.
SAFETY = {
    "thread safety": (r"Threads\b", r"\b[Tt]hread(-safe|s?\b)|async-signal-safe"),
    "fork safety": (r"fork\(\)", r"fork\(\)"),
}


def unsaid(section, item):
    """What of SAFETY neither a function nor the overview of its section says."""
    own = " ".join(line for para in item.body for line in para) + item.returns
    return [what for what, (label, word) in SAFETY.items()
            if not re.search(word, own)
            and not any(re.match(label, para[0]) for para in section.overview)]


def files(directory):
    """The headers of a directory, codearena.h first."""
    directory = Path(directory)
    paths = [path for path in directory.rglob("*.h") if "linux" not in path.parts]
    return sorted(paths, key=lambda path: (len(path.relative_to(directory).parts), path))


def parse_all(directory):
    """Read the headers of a directory."""
    return [parse(path, str(path.relative_to(directory))) for path in files(directory)]


def error_meanings(uapi):
    """The general table of errors in the interface header: {errno: text}."""
    text = Path(uapi).read_text(encoding="utf-8")
    block = re.search(r"Errors, with one meaning in all commands:(.*?)\*/", text, re.S).group(1)
    meanings = {}
    for match in re.finditer(r"\* (E[A-Z0-9]+):\n((?: \*   .*\n)+)", block):
        lines = [re.sub(r"^ \*\s*", "", line) for line in match.group(2).splitlines()]
        meanings[match.group(1)] = plain(" ".join(lines))
    return meanings


# What system calls behind the library say that the interface has no word for.
SYSTEM_MEANINGS = {
    "EBADF": "The descriptor is not open, or was not opened for writing.",
    "EIO": "Another answer of the system than the interface has, or a child of "
           "fork(2) where that is not allowed.",
    "EMFILE": "The process has too many open files.",
    "EMSGSIZE": "The array for the result is too small.",
    "ENAMETOOLONG": "A name is too long.",
    "ENFILE": "The system has too many open files.",
    "ENODEV": "No driver answers.",
    "ENOSYS": "The system has no such call.",
    "ENOTSUP": "Something is not supported.",
    "ENXIO": "No driver answers.",
    "ESTALE": "What was relied on is not true any more.",
    "EPROTO": "The answers of the device contradict the interface.",
    "EFBIG": "A file is too large.",
    "ENOEXEC": "Not code for this machine.",
}

_ERRNO = r"-(E[A-Z0-9]+)"


_OTHER = re.compile(
    r"^(the codes of|the errors of|the first error|as codearena_|as the|what |"
    r"0 or (?:an error|what)|an error of)")


def errors_of(returns):
    """Split what a function returns: [(errno, text or "")], [other clauses].

    A colon speaks of all codes since the last semicolon, a bracket of the one in
    front of it; a clause without a code goes on with the one before.
    """
    errors, others = [], []
    for clause in re.split(r";\s*|\.\s+(?=[A-Z-])|\.$", returns):
        pending = 0  # how many at the end of errors have no text yet
        position = 0
        found = list(re.finditer(_ERRNO, clause))
        if _OTHER.match(clause.strip()):
            others.append(clause.strip())
        elif not found and errors and not re.match(r"^\s*(0\b|[A-Z]|$)", clause):
            code, text = errors[-1]
            errors[-1] = (code, f"{text}; {clause.strip()}" if text else clause.strip())
            continue
        for index, match in enumerate(found):
            if match.start() < position:
                continue
            errors.append((match.group(1), ""))
            pending += 1
            gap = clause[match.end():]
            if gap.startswith(":"):
                text = gap[1:].strip()
                errors[-pending:] = [(code, text) for code, _ in errors[-pending:]]
                position = len(clause)
            elif gap.startswith(" ("):
                end = gap.find(")")
                errors[-1] = (match.group(1), gap[2:end])
                pending = 0
                position = match.end() + end
            tail = gap.split(",", 1)
            if len(tail) == 2 and _OTHER.match(tail[1].strip()):
                others.append(tail[1].strip())
                position = len(clause)
    return [(code, text.strip(" .,")) for code, text in errors], others


def returns_errno(item):
    """Is the result 0 or a negative errno?"""
    return bool(re.search(_ERRNO, item.returns)) or \
        bool(re.match(r"int\s", item.code)) and item.returns.startswith(("0;", "0,", "as ", "0."))
