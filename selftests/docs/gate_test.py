#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""See the gate of the documentation fail.

Usage: gate_test.py

Adds to a copy of the tree, one at a time, what nobody has documented, and expects
the check that is there for it to fail, and no sooner than that. Ends with
"docs-gate-test: N passed, N failed, N skipped".
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WANTED = ("Documentation", "Makefile", "README.md", "kmod", "packaging", "selftests", "uapi",
          "userlib")

QUERY = "#define CODEARENA_QUERY _IO(CODEARENA_IOC_TYPE, CODEARENA_CMD_QUERY)\n"
VERSION = "const char *codearena_version(void);\n"

# What is added: name, file, text that is there, text in its place, check that must fail.
ADDITIONS = [
    ("a symbol in the map", "userlib/libcodearena.map", "\tcodearena_version;\n",
     "\tcodearena_version;\n\tcodearena_whatever;\n", "symbols"),
    ("a function without a comment", "userlib/include/codearena.h", VERSION,
     VERSION + "int codearena_whatever(int value);\n", "symbols"),
    ("a function that is not in the map", "userlib/include/codearena.h", VERSION, VERSION +
     "/**\n * codearena_whatever - nothing\n *\n * Return: 0.\n */\nint codearena_whatever(void);\n",
     "symbols"),
    ("a parameter without a word", "userlib/include/codearena/module.h",
     "int codearena_scope_add(struct codearena_code *code);",
     "int codearena_scope_add(struct codearena_code *code, int more);", "symbol_texts"),
    ("an errno of a public function", "userlib/src/base/version.c",
     "return CODEARENA_VERSION_STRING;", "return 0 ? (char *)-EXDEV : CODEARENA_VERSION_STRING;",
     "symbol_errnos"),
    ("a header that says nothing about fork()", "userlib/include/codearena/elf.h",
     " * fork(). A child may open", " * A process may open", "symbol_safety"),
    ("a function that says nothing about threads", "userlib/include/codearena/module.h",
     " * Thread-safe and async-signal-safe, in a child of fork() too.\n",
     " * In a child of fork() too.\n", "symbol_safety"),
    ("a function without errnos", "userlib/include/codearena.h",
     " * Return: 0, -EINVAL; else as codearena_arena_discard().\n", " * Return: 0.\n",
     "symbol_safety"),
    ("a page without its function", "Documentation/tools/man.py",
     'f".It Fn {item.name}\\n"', '(f".It Fn {item.name}\\n" if len(item.name) < 30 else "")',
     "symbol_pages"),
    ("an ioctl", "uapi/linux/codearena.h", QUERY,
     QUERY + "#define CODEARENA_WHATEVER _IO(CODEARENA_IOC_TYPE, 0x9f)\n", "commands"),
    ("an errno of an ioctl, in the code", "kmod/seal.c",
     "int codearena_ioctl_seal(struct codearena_ucmd *ucmd)\n{\n",
     "int codearena_ioctl_seal(struct codearena_ucmd *ucmd)\n{\n\tif (!ucmd)\n"
     "\t\treturn -EAGAIN;\n", "command_errnos"),
    ("an errno of an ioctl, in its comment", "uapi/linux/codearena.h",
     " * Errors: EEXIST, EINTR, EINVAL, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP,\n",
     " * Errors: EACCES, EEXIST, EINTR, EINVAL, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP,\n",
     "command_errnos"),
    ("an errno that no table has", "kmod/vma.c",
     "\treturn -EINVAL;\n", "\treturn -EXDEV;\n", "errnos"),
    ("a flag", "uapi/linux/codearena.h", "#define CODEARENA_PATCH_F_SYNC\t0x1U\n",
     "#define CODEARENA_PATCH_F_SYNC\t0x1U\n#define CODEARENA_PATCH_F_WHATEVER\t0x2U\n",
     "constants"),
    ("a tracepoint", "kmod/trace.h", "TRACE_EVENT(trap_missed,",
     "TRACE_EVENT(whatever,\n\tTP_PROTO(u32 kind),\n);\n\nTRACE_EVENT(trap_missed,",
     "tracepoints"),
    ("a field of a tracepoint", "kmod/trace.h", "__field(unsigned long, landing)",
     "__field(unsigned long, landing)\n\t\t__field(u32, whatever)", "tracepoints"),
    ("a line of fdinfo", "kmod/stat.c", '"codearena-flags:', '"codearena-whatever:', "fdinfo"),
    ("a parameter of the module", "kmod/charge.c", "module_param(commit_limit_mb, ulong, 0644);",
     "module_param(commit_limit_mb, ulong, 0644);\nmodule_param(whatever, ulong, 0644);",
     "parameters"),
    ("an environment variable", "userlib/src/log/logger.c", 'getenv("CODEARENA_LOG")',
     'getenv("CODEARENA_WHATEVER")', "environment"),
    ("a field of JSON", "userlib/tools/disas.c", '"bytes", bytes', '"whatever", bytes', "tool"),
    ("a column of a table", "userlib/tools/list.c", '"COMMITTED"', '"WHATEVER"', "tool"),
    ("a function that a page invents", "Documentation/internals.rst",
     "``codearena_batch_copy()``", "``codearena_whatever()``", "names"),
    ("a test that a page invents", "Documentation/code-manager.rst",
     "``merging_first``", "``merging_whatever``", "names"),
    ("a target without help", "Makefile", ".PHONY: clean", ".PHONY: whatever\n.PHONY: clean",
     "help"),
    ("a file that the README invents", "README.md", "`kmod/fixup.c`", "`kmod/whatever.c`", "readme"),
    ("a function that the README invents", "README.md", "`codearena_fixup()`",
     "`codearena_whatever()`", "readme"),
    ("a cost that was not measured", "selftests/bench/results/6.1-x86_64.tsv",
     "publish_64\tinsn\t", "publish_64\tinsn\t1", "readme"),
    ("a result that no kernel had", "selftests/vm/matrix.tsv", "\tDebian", "\tWhatever", "readme"),
    ("a picture of other costs", "Documentation/pictures/costs.svg", ">codearena</text>",
     ">whatever</text>", "readme"),
    ("a target that the README invents", "README.md", "`make bench`", "`make whatever`", "help"),
]


def gate(root, check):
    """Result of one check: (passed?, output)."""
    run = subprocess.run([sys.executable, root / "selftests/docs/gate.py", "--root", root, check],
                         capture_output=True, text=True)
    return run.returncode == 0, run.stdout + run.stderr


def try_one(copy, addition):
    """None if the gate saw it, else what went wrong."""
    _, file, before, after, check = addition
    path = copy / file
    text = path.read_text(encoding="utf-8")
    if before not in text:
        return f"{file} does not hold: {before}"
    ok, output = gate(copy, check)
    if not ok:
        return "the check fails before:\n" + output
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    ok, output = gate(copy, check)
    path.write_text(text, encoding="utf-8")
    if ok:
        return f"the check {check} did not see it"
    if f"not ok {check}" not in output:
        return "it failed for another reason:\n" + output
    return None


def main():
    if len(sys.argv) > 1:
        print(__doc__)
        return 0
    passed = failed = 0
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in WANTED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name,
                                ignore=shutil.ignore_patterns("__pycache__", "build"))
            else:
                shutil.copy(source, copy / name)
        for addition in ADDITIONS:
            problem = try_one(copy, addition)
            print(("not ok " if problem else "ok ") + addition[0])
            if problem:
                print("    " + problem.replace("\n", "\n    "))
            failed += problem is not None
            passed += problem is None
    print(f"docs-gate-test: {passed} passed, {failed} failed, 0 skipped")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
