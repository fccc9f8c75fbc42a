#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Compare the documentation with what it is about.

Usage: gate.py [--root DIRECTORY] [CHECK]...

  --list   list the checks

Each check prints "ok NAME" or "not ok NAME" and what is missing. Ends with
"docs-gate: N passed, N failed, N skipped".
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import sources

# Errnos that the code of a command mentions, and the command cannot return.
NOT_ANSWERED = {
    # An arena's limit of metadata has room for the arena itself.
    "CODEARENA_RESERVE": {"ENOSPC"},
    "CODEARENA_WRITE": {"EAGAIN"},  # shares its steps with PUBLISH; has no patches
    # The structures of RESERVE and OPEN have the names of functions. A clone has room
    # for what its original had.
    "CODEARENA_CLONE": {"EBUSY", "EINVAL", "ENOSPC"},
    "CODEARENA_OPEN": {"EINVAL"},
}

# Errnos of a command that come from the kernel's functions, from the dispatcher, or
# from functions that return an error pointer.
FROM_ELSEWHERE = {
    "CODEARENA_QUERY": {"EFAULT"},
    "CODEARENA_RESERVE": {"EBADF", "ENOMEM"},
    "CODEARENA_SHARE": {"EFAULT", "EMFILE", "ENFILE", "ENOMEM"},
    "CODEARENA_STAT": {"EFAULT"},
    "CODEARENA_CLONE": {"EFAULT", "EMFILE", "ENFILE", "ENOMEM"},
    "CODEARENA_OPEN": {"EFAULT", "EMFILE", "ENFILE", "ENOMEM"},
}

# Functions that return int, and no errno: a descriptor, and an answer.
NO_ERRNO = {"codearena_arena_fd", "codearena_trap_signal"}

# Named in the symbol map, declared by nobody: the names are a debugger's.
FOREIGN = ("__jit_debug_",)


class Tree:
    """The files of one tree."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.uapi = self.text("uapi/linux/codearena.h")
        self.kmod = {path.name: path.read_text(encoding="utf-8")
                     for path in sorted(self.root.glob("kmod/*.[ch]"))}
        self.library = {str(path.relative_to(self.root)): path.read_text(encoding="utf-8")
                        for path in sorted(self.root.glob("userlib/src/**/*.[ch]"))}
        self.map = re.findall(r"^\t(\w+);", self.text("userlib/libcodearena.map"), re.M)
        self.pages = {path.name: path.read_text(encoding="utf-8")
                      for path in sorted(self.root.glob("Documentation/*.rst"))}
        self.library_page = self.text("Documentation/man/libcodearena.7")
        sys.path.insert(0, str(self.root / "Documentation/tools"))
        import headerdoc
        self.headerdoc = headerdoc
        self.headers = headerdoc.parse_all(self.root / "userlib/include")
        self.header_texts = {str(path.relative_to(self.root)): path.read_text(encoding="utf-8")
                             for path in headerdoc.files(self.root / "userlib/include")}
        self.items = {item.name: item for header in self.headers for item in header.items}
        self.commands = sources.commands(self.uapi)
        self._made = None

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def makefiles(self):
        """The top Makefile with what it includes."""
        return self.text("Makefile") + self.text("packaging/packaging.mk")

    @property
    def made(self):
        """Where the pages that are made from headers lie."""
        if not self._made:
            self._made = tempfile.TemporaryDirectory()
            tools, include = self.root / "Documentation/tools", self.root / "userlib/include"
            uapi, pages = self.root / "uapi/linux/codearena.h", self.root / "Documentation/man"
            out = Path(self._made.name)
            for command in (["man.py", include, uapi, pages / "libcodearena.7", out],
                            ["device.py", uapi, pages / "codearena.4", out / "man4/codearena.4"],
                            ["rst.py", include, out / "library"]):
                subprocess.run([sys.executable, tools / command[0], *command[1:]], check=True)
        return Path(self._made.name)

    @property
    def device_page(self):
        return (self.made / "man4/codearena.4").read_text(encoding="utf-8")


def section(page, title):
    match = re.search(rf"^\.Sh {title}\n(.*?)(?=^\.Sh |\Z)", page, re.S | re.M)
    return match.group(1) if match else ""


def check_symbols(tree):
    """Every symbol of the map is declared, and what is declared is in the map."""
    for name in tree.map:
        if name.startswith(FOREIGN):
            if not any(name in page for page in tree.pages.values()):
                yield f"{name}: in no page of Documentation/"
        elif name not in tree.items:
            yield f"{name}: in the map, but in no public header with a comment"
    for item in tree.items.values():
        if item.kind == "function" and item.name not in tree.map:
            yield f"{item.name}: in {item.header}, but not in the map"
    for header, text in tree.header_texts.items():
        text = sources.without_comments(text)
        for name in re.findall(r"\b(codearena_\w+)\([^()]*(?:\([^()]*\)[^()]*)*\);", text):
            if name not in tree.items and f"(*{name})" not in text:
                yield f"{name}: declared in {header} without a comment"


def check_symbol_pages(tree):
    """Every function has a man page with NAME, RETURN VALUES and ERRORS."""
    pages = {}
    for path in (tree.made / "man3").glob("*.3"):
        pages[path.stem] = path.read_text(encoding="utf-8")
    for name in tree.map:
        if name.startswith(FOREIGN):
            continue
        page = pages.get(name, "")
        link = re.match(r"\.so man3/(\w+)\.3", page)
        page = pages.get(link.group(1), "") if link else page
        if not re.search(rf"^\.Nm {name}\b", section(page, "NAME"), re.M):
            yield f"{name}: not in NAME of any page"
        if not re.search(rf"^\.It Fn {name}\n", section(page, "RETURN VALUES"), re.M):
            yield f"{name}: not in RETURN VALUES"
        if not re.search(rf"^\.(Ss|Fn) {name}\b", section(page, "ERRORS"), re.M):
            yield f"{name}: not in ERRORS"


def check_symbol_texts(tree):
    """Every function says what it returns, and what each parameter is."""
    for item in tree.items.values():
        if item.kind != "function":
            continue
        code = re.sub(r"\s+", " ", item.code)
        if not re.match(r"void [a-z]", code) and not item.returns:
            yield f"{item.name}: no Return:"
        arguments = re.search(rf"{item.name} ?\((.*)\);$", code).group(1)
        arguments = re.sub(r"\(\*(\w+)\)\([^)]*\)", r"\1", arguments)
        names = [re.search(r"(\w+)(?:\[\w*\])?$", part.strip()).group(1)
                 for part in arguments.split(",")]
        documented = [name for name, _ in item.params]
        if names != ["void"] and names != documented:
            yield (f"{item.name}: has the parameters {', '.join(names)}; "
                   f"documented: {', '.join(documented) or 'none'}")


def check_symbol_safety(tree):
    """Every function says which errnos it returns, and what threads and forks may do."""
    for header in tree.headers:
        for section in header.sections:
            for item in section.items:
                if item.kind != "function":
                    continue
                for what in tree.headerdoc.unsaid(section, item):
                    yield f"{item.name}: neither it nor its section in {item.header} states {what}"
                if re.match(r"int\s", item.code) and item.name not in NO_ERRNO \
                        and not any(tree.headerdoc.errors_of(item.returns)):
                    yield f"{item.name}: returns int, and no errno is documented"


def check_symbol_errnos(tree):
    """An errno that a public function itself returns is in its documentation."""
    bodies = sources.functions(tree.library.values(), "codearena_")
    for name, body in sorted(bodies.items()):
        item = tree.items.get(name)
        if not item:
            continue
        errors, others = tree.headerdoc.errors_of(item.returns)
        missing = sources.errnos(body) - {code for code, _ in errors}
        if missing and not others:
            yield f"{name}: returns {', '.join(sorted(missing))}"


def check_reference(tree):
    """Every constant and type of the public headers is in the reference."""
    text = "".join(path.read_text(encoding="utf-8")
                   for path in (tree.made / "library").glob("*.rst"))
    for header, source in tree.header_texts.items():
        for name in sources.constants(source):
            if not name.endswith("_H") and not re.search(rf"\b{name}\b", text):
                yield f"{name}: of {header}, not in the reference"
    for line in re.findall(r"^.*\\``$", text, re.M):
        yield f"a line goes on in the header, and is cut: {line}"


def check_commands(tree):
    """Every ioctl has kernel-doc, from which codearena.4 is made, and a row in the module."""
    for name, command in tree.commands.items():
        if not command or not command.documented:
            yield f"{name}: no kernel-doc with a list of errors"
        elif not re.search(rf"\b{name},\s*{command.verb}\b", tree.kmod["main.c"]):
            yield f"{name}: no row in kmod/main.c"


def check_command_errnos(tree):
    """The errors that the code of an ioctl returns are those of its kernel-doc."""
    bodies = sources.functions(tree.kmod.values(), "codearena_")
    for name, command in tree.commands.items():
        if not command:
            continue
        texts = [bodies[function] for function in
                 sources.reached(f"codearena_ioctl_{command.verb}", bodies, "codearena_")]
        if not texts:
            yield f"{name}: no handler codearena_ioctl_{command.verb}()"
            continue
        answers = set().union(*map(sources.errnos, texts)) - NOT_ANSWERED.get(name, set())
        for code in sorted(answers - command.errors):
            yield f"{name}: the code answers {code}, which its kernel-doc does not list"
        for code in sorted(command.errors - answers - FROM_ELSEWHERE.get(name, set())):
            yield f"{name}: its kernel-doc lists {code}, which the code does not answer"


def check_errnos(tree):
    """The general table of errnos has all that the module answers."""
    table = set(tree.headerdoc.error_meanings(tree.root / "uapi/linux/codearena.h"))
    for file, text in tree.kmod.items():
        for code in sorted(sources.errnos(sources.without_comments(text)) - table):
            yield f"{code}: of kmod/{file}, not in the table of the interface header"


def check_constants(tree):
    """Every constant of the interface has a comment, every flag is explained in kernel-doc."""
    page = tree.device_page
    explained = "".join(re.findall(r"^/\*\*\n.*?\*/", tree.uapi, re.S | re.M))
    for name in sources.constants(tree.uapi):
        if not re.search(rf"^\.It Dv {name} No = Li [^\n]+\n[^.]", page, re.M):
            yield f"{name}: no comment beside it or above its group"
        if "_F_" in name and not re.search(rf"\b{name}\b", explained):
            yield f"{name}: explained in no kernel-doc comment"
    for name in re.findall(r"^struct (codearena_\w+) \{", tree.uapi, re.M):
        if f"struct {name}" not in page:
            yield f"struct {name}: no kernel-doc"


def _everywhere(tree, what, names):
    for name in names:
        pattern = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
        for place, text in (("codearena.4", tree.device_page),
                            ("userspace-api.rst", tree.pages["userspace-api.rst"])):
            if not re.search(pattern, text):
                yield f"{what} {name}: not in {place}"


def check_tracepoints(tree):
    """Every tracepoint is documented with its fields."""
    events = sources.tracepoints(tree.kmod["trace.h"])
    yield from _everywhere(tree, "tracepoint", events)
    for event, fields in events.items():
        yield from _everywhere(tree, f"field of {event}", fields)


def check_fdinfo(tree):
    """Every line of fdinfo is documented, and no other."""
    fields = sources.fdinfo_fields(tree.kmod.values())
    yield from _everywhere(tree, "fdinfo", fields)
    for name in re.findall(r"``(codearena-[a-z-]+)``", tree.pages["userspace-api.rst"]):
        if name not in fields:
            yield f"{name}: documented, but not in the module"


def check_parameters(tree):
    """Every parameter of the module is documented."""
    yield from _everywhere(tree, "parameter", sources.parameters(tree.kmod.values()))


def check_environment(tree):
    """Every environment variable of the library is in libcodearena.7."""
    for file, text in tree.library.items():
        for name in re.findall(r'getenv\("(\w+)"\)', text):
            if name.startswith("CODEARENA_") and f".It Ev {name}" not in tree.library_page:
                yield f"{name}: of {file}, not in libcodearena.7"


def check_tool(tree):
    """Every option, command, column and JSON field of codearenactl is in its page."""
    main = tree.root / "userlib/tools/main.c"
    if not main.exists():
        yield None
        return
    help_text = re.search(r"help\[\] =(.*?);\n\n", main.read_text(encoding="utf-8"), re.S).group(1)
    page = tree.text("Documentation/man/codearenactl.8")
    for option in re.findall(r"--([a-z-]+)", help_text):
        if f"Fl -{option}" not in page:
            yield f"--{option}: not in codearenactl.8"
    for command in re.findall(r'^\t"  ([a-z]+)[ \[]', help_text, re.M):
        if not re.search(rf"^\.It Cm {command}\b", page, re.M):
            yield f"{command}: not in codearenactl.8"
    sources_of = {path.name: path.read_text(encoding="utf-8")
                  for path in (tree.root / "userlib/tools").glob("*.c")}
    words = set(re.findall(r'"([A-Z]{2,}(?:/s)?)"', sources_of["list.c"] + sources_of["stat.c"]))
    for source in sources_of.values():
        words |= set(re.findall(r'ctl_json_\w+\([^"();]*, "([a-z_]+)"', source))
    for word in sorted(words):
        if not re.search(rf"(?<![\w/]){word}(?![\w/])", page):
            yield f"{word}: a column or field that is not in codearenactl.8"


def check_names(tree):
    """Functions, tests, files and make targets that pages name exist."""
    code = "".join(tree.kmod.values()) + "".join(tree.library.values()) + tree.uapi
    code += "".join(tree.header_texts.values())
    # Several files have the same name.
    files = ["/" + str(path.relative_to(tree.root)) for path in tree.root.rglob("*")
             if path.suffix in (".c", ".h", ".S", ".sh") and "build" not in path.parts]

    def named(name):
        return [file for file in files if file.endswith("/" + name)]

    targets = re.findall(r"^## ([\w-]+):", tree.makefiles(), re.M)
    for page, text in tree.pages.items():
        for name in re.findall(r"``((?:codearena|ca)_\w+)\(\)``", text):
            if not re.search(rf"\b{name}\(", code):
                yield f"{page}: no function {name}()"
        for name in re.findall(r"``((?:[\w/]*/)?[a-z_0-9]+\.(?:c|h|S|sh))``", text):
            if not named(name) and name not in ("codearena.h", "program.c"):
                yield f"{page}: no file {name}"
        for name in re.findall(r"``make ([a-z-]+)", text):
            if name not in targets:
                yield f"{page}: no target {name}"
        flat = re.sub(r"\s*\n\s*", " ", text)
        for file, names in re.findall(r"``(?:selftests/)?(\w+\.c)``: ((?:``\w+``(?:, )?)+)", flat):
            body = "".join(tree.text(path[1:]) for path in named(file))
            for name in re.findall(r"``(\w+)``", names):
                if not re.search(rf"\b{name}\b", body):
                    yield f"{page}: no test {name} in {file}"


def check_help(tree):
    """`make help` lists every target, and the README names the two that matter."""
    makefile = tree.makefiles()
    listed = re.findall(r"^## ([\w-]+):", makefile, re.M)
    for name in re.findall(r"^\.PHONY: ([\w-]+)$", makefile, re.M):
        if name not in listed and name != "no-headers":
            yield f"{name}: not in `make help`"
    readme = tree.text("README.md")
    for name in ("make demo", "make check"):
        if name not in readme:
            yield f"{name}: not in README.md"
    for name in re.findall(r"\bmake ([a-z][a-z_-]+)\b(?! sure)", readme):
        if name not in listed:
            yield f"README.md: no target {name}"


def check_readme(tree):
    """Files and functions that the README names exist, and its tables are the recorded ones."""
    readme = tree.text("README.md")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", readme)
    for name in links + re.findall(r"`((?:kmod|uapi|userlib|selftests|Documentation)/[^`]*)`", readme):
        if not (tree.root / name).exists():
            yield f"no file {name}"
    for name, function in re.findall(r"`([\w/.-]+)`: `(\w+)\(\)`", readme):
        file = tree.root / name
        if file.exists() and f"{function}(" not in file.read_text(encoding="utf-8"):
            yield f"no function {function}() in {name}"
    run = subprocess.run([sys.executable, tree.root / "Documentation/tools/costs.py",
                          tree.root / "README.md",
                          tree.root / "selftests/bench/results/6.1-x86_64.tsv"],
                         capture_output=True, text=True)
    if run.returncode:
        yield run.stderr.strip()
    run = subprocess.run([sys.executable, tree.root / "Documentation/tools/matrix.py",
                          tree.root / "README.md", tree.root / "selftests/vm/matrix.tsv"],
                         capture_output=True, text=True)
    if run.returncode:
        yield run.stderr.strip()
    run = subprocess.run([sys.executable, tree.root / "Documentation/tools/plots.py",
                          "--overview", tree.root / "selftests/bench/results/6.1-x86_64.tsv",
                          tree.root / "Documentation/pictures/costs.svg"],
                         capture_output=True, text=True)
    if run.returncode:
        yield run.stderr.strip()


CHECKS = {name.removeprefix("check_"): function for name, function in list(globals().items())
          if name.startswith("check_")}


def main():
    arguments = sys.argv[1:]
    root = Path(__file__).resolve().parents[2]
    if arguments[:1] == ["--list"]:
        print("\n".join(CHECKS))
        return 0
    if arguments[:1] == ["--root"]:
        root = arguments[1]
        arguments = arguments[2:]
    if any(name not in CHECKS for name in arguments):
        sys.exit(__doc__)
    tree = Tree(root)
    passed = failed = skipped = 0
    for name in arguments or CHECKS:
        problems = list(CHECKS[name](tree))
        if problems == [None]:
            skipped += 1
            print(f"ok {name} # SKIP there is no such thing in this tree")
        elif problems:
            failed += 1
            print(f"not ok {name}: {CHECKS[name].__doc__}")
            print("".join(f"    {problem}\n" for problem in problems), end="")
        else:
            passed += 1
            print(f"ok {name}")
    print(f"docs-gate: {passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
