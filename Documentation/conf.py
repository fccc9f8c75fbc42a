# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""Configuration of Sphinx. `make docs` calls it; see Makefile beside."""

project = "codearena"
author = "The codearena authors"
copyright = "2026, The codearena authors"
extensions = []
exclude_patterns = ["*.inc"]
html_theme = "alabaster"
html_static_path = ["static"]
html_theme_options = {
    "description": "Executable memory for JIT compilers on Linux",
    "page_width": "1180px",
    "body_max_width": "none",
    "fixed_sidebar": True,
}
html_copy_source = False
html_show_sourcelink = False
highlight_language = "none"
nitpicky = False
