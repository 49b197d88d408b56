"""Lines that fit a page: JupyterLab breaks a longer one wherever it ends, in the middle of a word."""

from __future__ import annotations

import textwrap

from helpers.notebook import in_notebook

__all__ = ["fitting"]

COLUMNS = 100  # signs: at 1280 pixels, with the list of files beside the notebook, there is room for 107


def fitting(text: str, indent: str = "") -> str:
    """Return `text`, in a notebook with longer lines broken between words; what goes on begins with `indent`."""
    if not in_notebook():
        return text
    fill = textwrap.TextWrapper(COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False).fill
    return "\n".join(fill(line) if len(line) > COLUMNS else line for line in text.split("\n"))
