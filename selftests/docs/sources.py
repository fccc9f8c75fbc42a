# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""What the sources say, for the gate of the documentation: commands, errnos,
tracepoints and so on, read out of C as far as that is needed."""

import re

ERRNO = r"-(E[A-Z0-9]{2,})\b"


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


def functions(texts, prefix):
    """{name: body} of the functions whose names begin so."""
    found = {}
    pattern = rf"^(?:[A-Za-z_][\w \*]*?[ \*\n])?({prefix}\w+)\([^;{{]*?\)\n\{{\n(.*?)^\}}"
    for text in texts:
        for match in re.finditer(pattern, without_comments(text), re.S | re.M):
            found[match.group(1)] = match.group(2)
    return found


def reached(name, bodies, prefix):
    """Names of the functions that a function mentions, and so on."""
    seen, todo = set(), [name]
    while todo:
        current = todo.pop()
        if current in seen or current not in bodies:
            continue
        seen.add(current)
        todo += re.findall(rf"\b({prefix}\w+)\b", bodies[current])
    return seen


def errnos(text):
    return set(re.findall(r"(?<![!=]= )" + ERRNO, text))


class Command:
    """An ioctl, as the interface header documents it."""

    def __init__(self, name, verb, doc):
        self.name = name
        self.verb = verb
        match = re.search(r"^ \* Errors:(.*?)\.\s*$", doc, re.S | re.M)
        self.documented = match is not None
        flat = re.sub(r"\s*\n \*\s*", " ", match.group(1)) if match else ""
        flat = re.sub(r"\([^)]*\)", "", flat)
        self.errors = set(re.findall(r"\bE[A-Z0-9]{2,}\b", flat))


def commands(header):
    """{name: Command or None} of all ioctls that the header defines."""
    found = {}
    names = re.findall(r"^#define (CODEARENA_\w+)\s*(?:\\\n\s*)?_IO\(", header, re.M)
    for name in names:
        match = re.search(rf"^/\*\*\n \* struct codearena_(\w+) - ioctl\({name}\)\n(.*?)\*/",
                          header, re.S | re.M)
        found[name] = Command(name, match.group(1), match.group(2)) if match else None
    return found


def constants(header):
    """Macros of a header with a value, but its include guard."""
    names = re.findall(r"^#define (CODEARENA_\w+)[ \t]+\S", header, re.M)
    return [name for name in names if "_IO(" not in _line_of(header, name)]


def _line_of(header, name):
    return re.search(rf"^#define {name}\b(?:[^\n]*\\\n)*[^\n]*", header, re.M).group(0)


def tracepoints(text):
    """{event: fields}."""
    classes = {}
    for match in re.finditer(r"^(TRACE_EVENT|DECLARE_EVENT_CLASS)\((\w+),(.*?)^\);", text,
                             re.S | re.M):
        fields = re.findall(r"__(?:field|array|string|dynamic_array)\([^,()]+?,\s*(\w+)",
                            match.group(3))
        fields += re.findall(r"__string\((\w+),", match.group(3))
        classes[match.group(2)] = (match.group(1), fields)
    found = {name: fields for name, (kind, fields) in classes.items() if kind == "TRACE_EVENT"}
    for match in re.finditer(r"^DEFINE_EVENT\((\w+),\s*(\w+),", text, re.M):
        found[match.group(2)] = classes[match.group(1)][1]
    return found


def fdinfo_fields(texts):
    return sorted({field for text in texts
                   for field in re.findall(r'"(codearena-[a-z-]+):', text)})


def parameters(texts):
    return sorted({name for text in texts
                   for name in re.findall(r"^module_param(?:_named|_cb)?\((\w+),", text, re.M)})
