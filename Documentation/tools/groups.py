# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Which page documents what: functions are grouped by the object they work on."""

# Beginning of the name -> page and what it is about. The longest match counts;
# what matches nothing goes to a page that is named after its header.
GROUPS = {
    "codearena_allocator_": "space for the code of one module",
    "codearena_arena_": "arenas of executable memory",
    "codearena_code_": "code objects, lookup by address, references",
    "codearena_collector_": "collection of unused code",
    "codearena_elf_": "loading relocatable objects into an arena",
    "codearena_estimate_": "how much code to expect",
    "codearena_gdbjit_": "code for debuggers",
    "codearena_guard_": "address space in which accesses are traps",
    "codearena_handle_": "code pointer tables",
    "codearena_jitdump_": "code for perf, with its bytes",
    "codearena_jump_table_": "jump tables in arenas",
    "codearena_logger_": "logging code to profilers and debuggers",
    "codearena_manager_": "limits for many modules",
    "codearena_module_": "the code of one module: tiers, slots, lookup",
    "codearena_pad_": "landing pads",
    "codearena_perfmap_": "names of code for perf and other tools",
    "codearena_reloc_": "relocations of code objects",
    "codearena_remote_": "a compiler in another process",
    "codearena_scope_": "keeping code alive while a thread works with it",
    "codearena_snapshot_": "the code of a module as bytes that can be kept",
    "codearena_trap_": "traps that continue at landing pads",
    "codearena_unwind_": "code for the unwinder of the process",
}

# Functions that stand alone.
ALONE = {
    "codearena_backend_name": "codearena_probe",
    "codearena_probe": "codearena_probe",
    "codearena_version": "codearena_probe",
}

TITLES = {"codearena_probe": "what the library is and what it can use here"}


def page_of(item):
    """The page of a function."""
    if item.name in ALONE:
        return ALONE[item.name]
    matches = [prefix for prefix in GROUPS if item.name.startswith(prefix)]
    if matches:
        return max(matches, key=len).rstrip("_")
    return "_".join(item.name.split("_")[:2])


def title_of(page, section):
    """What a page is about."""
    return TITLES.get(page) or GROUPS.get(page + "_") or section.title.rstrip(".")


class Page:
    """What one page documents."""

    def __init__(self, name, header, section):
        self.name = name
        self.header = header
        self.section = section
        self.functions = []
        self.types = []  # structures, enumerations, macros with arguments

    @property
    def title(self):
        return title_of(self.name, self.section) or self.functions[0].brief


def pages_of(headers):
    """All pages, by name. A type goes where it is named first, pages of its section
    before others of its header."""
    pages = {}
    for header in headers:
        for section in header.sections:
            for item in section.items:
                if item.kind in ("function", "variable"):
                    name = page_of(item)
                    page = pages.setdefault(name, Page(name, header, section))
                    page.functions.append(item)
    for header in headers:
        mine = [page for page in pages.values() if page.header is header]
        for section in header.sections:
            near = sorted(mine, key=lambda page: page.section is not section)
            for item in section.items:
                if item.kind not in ("function", "variable"):
                    pages[_home(item, header, near)].types.append(item)
    return pages


def _home(item, header, pages):
    for page in pages:
        if item.name.startswith(page.name) and item.name[len(page.name):len(page.name) + 1] \
                in ("_", ""):
            best = [other.name for other in pages if item.name.startswith(other.name)]
            return max(best, key=len)
    for page in pages:
        if any(item.name in function.code for function in page.functions):
            return page.name
    if not pages:
        raise SystemExit(f"{header.name} declares no function")
    return pages[0].name
