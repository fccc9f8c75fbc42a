#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Name the lines of kmod/ that no test executed, and judge them.

An error return is a line that names -EXXX; it must be executed, or be in the file
of reasons as "FILE: TEXT OF THE LINE # REASON". A reason for a line that was
executed, or that is not there, is an error too, so that the file does not rot.
"""

import argparse
import json
import re
import sys

ERROR_RETURN = re.compile(r"-E[A-Z]{2,}\b")


def read_reasons(path):
    """The lines excused: {(file, text): reason}."""
    reasons = {}
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            match = re.match(r"(\S+): (.+?) # (.+)$", line)
            if not match:
                sys.exit(f"{path}:{number}: not 'FILE: TEXT # REASON'")
            reasons[match[1], match[2]] = match[3]
    return reasons


def main():
    """Print the report; 1 when it is not good enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--least", type=float, default=92)
    parser.add_argument("--reasons", required=True)
    parser.add_argument("--source", required=True, help="directory that names are below")
    parser.add_argument("json", help="what gcovr --json wrote")
    options = parser.parse_args()

    reasons = read_reasons(options.reasons)
    unused = dict(reasons)
    with open(options.json, encoding="utf-8") as report:
        files = json.load(report)["files"]
    total = executed = 0
    bad = []
    for entry in sorted(files, key=lambda entry: entry["file"]):
        with open(f"{options.source}/{entry['file']}", encoding="utf-8") as source:
            text = source.read().splitlines()
        for line in entry["lines"]:
            if line.get("gcovr/noncode"):
                continue
            total += 1
            executed += line["count"] > 0
            if line["count"]:
                continue
            words = text[line["line_number"] - 1].strip()
            reason = unused.pop((entry["file"], words), None) or reasons.get((entry["file"], words))
            print(f"left out: {entry['file']}:{line['line_number']}: {words}"
                  + (f"  ({reason})" if reason else ""))
            if ERROR_RETURN.search(words) and not reason:
                bad.append(f"{entry['file']}:{line['line_number']}: {words}")
    percent = 100 * executed / total if total else 0
    print(f"{executed} of {total} lines executed: {percent:.1f} % (at least {options.least:g})")
    for line in bad:
        print(f"error return never taken: {line}")
    for file, words in unused:
        print(f"{options.reasons}: was executed, or is gone: {file}: {words}")
    return bool(bad or unused or percent < options.least)


if __name__ == "__main__":
    sys.exit(main())
