# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
"""The two lines at the head of a file that is made here."""


def licence(comment, name):
    """As comment, each line begun by a mark. Put together, so that tools which
    look for licences do not take these lines for that of the script."""
    return (f"{comment} SPDX-" + f"License-Identifier: {name}\n"
            f"{comment} SPDX-" + "FileCopyrightText: 2026 The codearena authors\n")
