#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Rules that the sources of the library keep.

Usage: source_rules.py [--root DIR] RULE...

  layers  a file includes headers of its own folder, and of the folders that its row
          in userlib/src/README.md allows; rows are in order, lowest first
  names   static functions, structures and unions have names of their own in all of
          userlib/src, and functions begin with ca__, or public ones with codearena_

Needs universal-ctags. Prints what breaks a rule, one line each, and fails then.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROW = re.compile(r"^\| `([\w/]+)` \|.*\|\s*([^|]*?)\s*\|$")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
PUBLIC = re.compile(r"codearena_\w+")
PREFIXED = re.compile(r"ca__\w+")
# Names that other programs expect: GDB's JIT interface.
GIVEN = {"__jit_debug_register_code"}


def sources_of(src):
    """All files of the library, by path below src."""
    return sorted(path.relative_to(src) for path in src.rglob("*")
                  if path.suffix in (".c", ".h", ".S"))


def read_table(readme):
    """The folders in order, each with those that it may call; and what is wrong there."""
    allowed, errors = {}, []
    for number, line in enumerate(readme.read_text(encoding="utf-8").splitlines(), 1):
        match = ROW.match(line)
        if not match:
            continue
        folder, names = match[1], [name for name in re.split(r",\s*", match[2]) if name]
        for name in names:
            if name not in allowed:
                errors.append(f"{readme}:{number}: {folder} may call {name}, "
                              "which is not a row above it")
        allowed[folder] = names
    if not allowed:
        errors.append(f"{readme}: no table of folders")
    return allowed, errors


def folder_of(path, table):
    """The row that a file belongs to: of the nearest folder that has one, or None."""
    for parent in path.parents:
        if parent.as_posix() in table:
            return parent.as_posix()
    return None


def target_of(src, path, name):
    """The file that an include means: below src, of the public headers, or None."""
    for candidate in (src / name, (src / path).parent / name, src.parent / "include" / name):
        if candidate.is_file():
            return candidate.resolve()
    return None


def includes_of(file):
    """Line numbers and names of what a file includes in quotes."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1]


def layers(src):
    """Includes that go up, and folders without a row."""
    table, errors = read_table(src / "README.md")
    for path in sources_of(src):
        folder = folder_of(path, table)
        if folder is None:
            errors.append(f"{src / path}: its folder is not in the table of README.md")
            continue
        for number, name in includes_of(src / path):
            target = target_of(src, path, name)
            if target is None:
                errors.append(f"{src / path}:{number}: no file is called {name}")
            elif target.is_relative_to(src):
                other = folder_of(target.relative_to(src), table)
                # One without a row is reported where it is.
                if other not in (None, folder, *table[folder]):
                    errors.append(f"{src / path}:{number}: {folder} may not include {name}")
    return errors


def tags_of(src):
    """What the C sources define: functions, structures and unions."""
    command = ["ctags", "--options=NONE", "--language-force=C", "--kinds-C=fsu",
               "--fields=+Kn", "-h", ".none", "--output-format=json", "-f", "-",
               *(str(path) for path in sources_of(src) if path.suffix != ".S")]
    run = subprocess.run(command, cwd=src, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=True)
    tags = [json.loads(line) for line in run.stdout.splitlines()]
    if not any(tag["kind"] == "function" for tag in tags):
        sys.exit("source_rules.py: ctags finds no function")
    return tags


def machine_of(path):
    """The machine that a file is for, or nothing: of machines only one is compiled."""
    match = re.match(r"arch/(\w+)/", path)
    return match[1] if match else ""


def names(src):
    """Names that two files define, and functions without the prefix."""
    errors, defined = [], defaultdict(set)
    for tag in tags_of(src):
        where, name = f"{src / tag['path']}:{tag['line']}", tag["name"]
        if tag["kind"] == "function":
            static = tag.get("file", False)
            if name not in GIVEN and not PREFIXED.fullmatch(name) and (
                    static or not PUBLIC.fullmatch(name)):
                errors.append(f"{where}: function {name} has no prefix ca__")
            if not static:
                continue
        elif name.startswith("__anon") or "scope" in tag:
            continue
        kind = "function" if tag["kind"] == "function" else "structure"
        defined[kind, name].add((machine_of(tag["path"]), tag["path"], where))
    for (kind, name), places in sorted(defined.items()):
        errors += [f"{where}: {kind} {name} is defined in another file too"
                   for machine, path, where in sorted(places)
                   if any(path != other and (machine == its or not machine or not its)
                          for its, other, _ in places)]
    return errors


RULES = {"layers": layers, "names": names}


def main():
    """Check the rules named: 1 when something breaks one."""
    arguments, root = sys.argv[1:], Path(__file__).resolve().parents[2]
    if arguments[:1] == ["--root"]:
        root, arguments = Path(arguments[1]).resolve(), arguments[2:]
    if not arguments or not set(arguments) <= set(RULES):
        sys.exit(__doc__)
    errors = [error for rule in arguments for error in RULES[rule](root / "userlib/src")]
    for error in errors:
        print(error.removeprefix(f"{root}/"))
    print(f"{len(errors)} places break a rule" if errors else "no rule is broken")
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
