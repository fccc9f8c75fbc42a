#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""See the rules of the library's sources fail.

Usage: source_rules_test.py

Plants one violation at a time in a small tree that keeps all rules, and expects its
rule to fail, with a line that names it, and the other rule to pass.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

RULES = Path(__file__).resolve().parent / "source_rules.py"

TREE = {
    "src/README.md": "| folder | what belongs here | entry points | may call |\n"
                     "|---|---|---|---|\n"
                     "| `base` | what every folder uses | `base.h` | |\n"
                     "| `arch` | what differs between machines | `arch.h` | base |\n"
                     "| `arena` | arenas | `arena.h` | base, arch |\n"
                     "| `arena/memfd` | the fallback | `memfd.c` | base, arena |\n",
    "src/base/base.h": "struct ca__opts {\n\tint size;\n};\n"
                       "static inline int ca__zero(void)\n{\n\treturn 0;\n}\n",
    "src/arch/x86_64/slot.h": '#include "base/base.h"\n'
                              "struct ca__slot {\n\tint at;\n};\n"
                              "static inline int ca__slot_size(void)\n{\n\treturn 8;\n}\n",
    "src/arch/aarch64/slot.h": "struct ca__slot {\n\tint at;\n};\n"
                               "static inline int ca__slot_size(void)\n{\n\treturn 8;\n}\n",
    "src/arena/arena.h": '#include "codearena.h"\n#include "base/base.h"\n',
    "src/arena/arena.c": '#include "arena.h"\n'
                         "static int ca__arena_number(void)\n{\n\treturn 1;\n}\n"
                         "int codearena_arena(void)\n{\n\treturn ca__arena_number();\n}\n",
    "src/arena/memfd/memfd.c": '#include "arena/arena.h"\n'
                               "static int ca__memfd_number(void)\n{\n\treturn 2;\n}\n"
                               "int ca__memfd(void)\n{\n\treturn ca__memfd_number();\n}\n",
    "include/codearena.h": "int codearena_arena(void);\n",
}

# What is planted: name, rule that must fail, file, text that is added, text of the report.
PLANTED = [
    ("a lower folder includes an upper one", "layers", "src/base/base.h",
     '#include "arena/arena.h"\n', "base may not include arena/arena.h"),
    ("a folder includes what its row leaves out", "layers", "src/arena/memfd/memfd.c",
     '#include "arch/x86_64/slot.h"\n', "arena/memfd may not include arch/x86_64/slot.h"),
    ("a folder includes one inside it", "layers", "src/arena/arena.c",
     '#  include "memfd/memfd.c"\n', "arena may not include memfd/memfd.c"),
    ("a folder has no row", "layers", "src/more/more.c",
     "int ca__more(void);\n", "src/more/more.c: its folder is not in the table"),
    ("a file has no folder", "layers", "src/more.c",
     "int ca__more(void);\n", "src/more.c: its folder is not in the table"),
    ("a row allows a folder below it", "layers", "src/README.md",
     "| `code` | code | `code.c` | base, log |\n", "code may call log"),
    ("an include has no file", "layers", "src/arena/arena.c",
     '#include "arena/none.h"\n', "no file is called arena/none.h"),
    ("two static functions share a name", "names", "src/arena/memfd/memfd.c",
     "static int\nca__arena_number(void)\n{\n\treturn 3;\n}\n",
     "function ca__arena_number is defined in another file"),
    ("a static function has the name of one in a header", "names", "src/arena/arena.c",
     "static int ca__zero(void)\n{\n\treturn 3;\n}\n",
     "function ca__zero is defined in another file"),
    ("a static function has the name of one of a machine", "names", "src/arena/arena.c",
     "static int ca__slot_size(void)\n{\n\treturn 3;\n}\n",
     "function ca__slot_size is defined in another file"),
    ("two structures share a name", "names", "src/arena/arena.c",
     "struct ca__opts\n{\n\tlong more;\n};\n", "structure ca__opts is defined in another file"),
    ("a structure and a union share a name", "names", "src/arena/arena.c",
     "union ca__opts {\n\tlong more;\n};\n", "structure ca__opts is defined in another file"),
    ("a static function has no prefix", "names", "src/arena/arena.c",
     "static inline const char *number(void)\n{\n\treturn 0;\n}\n",
     "function number has no prefix"),
    ("a static function has the public prefix", "names", "src/arena/arena.c",
     "static int codearena_number(void)\n{\n\treturn 0;\n}\n",
     "function codearena_number has no prefix"),
    ("a function has no prefix", "names", "src/arena/arena.c",
     "int number(void)\n{\n\treturn 0;\n}\n", "function number has no prefix"),
]


def write_tree(root):
    """The tree that keeps all rules."""
    for name, text in TREE.items():
        path = root / "userlib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run(root, rule):
    """Whether the tree keeps the rule, and what was printed."""
    done = subprocess.run([sys.executable, RULES, "--root", root, rule],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0, done.stdout


def problem_of(rule, name, text, report):
    """What is wrong with the rules when TEXT is added to file NAME, or nothing."""
    with tempfile.TemporaryDirectory(prefix="codearena-rules.") as directory:
        root = Path(directory)
        write_tree(root)
        path = root / "userlib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
        kept, output = run(root, rule)
        other = "names" if rule == "layers" else "layers"
        if kept != (not report) or report not in output:
            return f"rule {rule} {'passed' if kept else 'failed'}:\n{output}"
        kept, output = run(root, other)
        return "" if kept else f"rule {other} failed:\n{output}"


def main():
    """Run all cases."""
    cases = [("nothing is wrong", "layers", "src/README.md", "", ""), *PLANTED]
    failed = 0
    for name, rule, file, text, report in cases:
        problem = problem_of(rule, file, text, report)
        failed += bool(problem)
        print(f"{'not ok' if problem else 'ok'} {name}\n{problem}".rstrip())
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
