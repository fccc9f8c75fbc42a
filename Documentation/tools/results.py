# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Read recorded benchmark runs: selftests/bench/results/KVER-ARCH.tsv."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Run:
    """One recorded run."""

    name: str  # 6.1-x86_64
    about: dict  # kernel, machine, date
    rows: list  # (case, unit, codearena, peer name, peer, ratio)

    def cost(self, case, way):
        """What a case costs one way, or None if that was not measured."""
        for row in self.rows:
            if row[0] == case and way in ("codearena", row[3]):
                return row[2] if way == "codearena" else row[4]
        return None


def read(path):
    """Read one file."""
    path = Path(path)
    about, rows = {}, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            head = re.match(r"# (kernel|machine|date): (.*)", line)
            if head:
                about[head.group(1)] = head.group(2)
            continue
        fields = line.split("\t")
        if len(fields) != 6:
            sys.exit(f"{path}:{number}: {len(fields)} fields, not 6")
        rows.append((fields[0], fields[1], float(fields[2]), fields[3], float(fields[4]),
                     fields[5]))
    missing = {"kernel", "machine", "date"} - about.keys()
    if missing:
        sys.exit(f"{path}: no line '# {sorted(missing)[0]}: ...'")
    return Run(path.stem, about, rows)


def read_all(directory):
    """Read all files of a directory: the oldest kernel first, the host last."""
    runs = [read(path) for path in Path(directory).glob("*.tsv")]
    return sorted(runs, key=lambda run: [(not part.isdigit(), int(part) if part.isdigit() else part)
                                         for part in re.split(r"[.-]", run.name)])
