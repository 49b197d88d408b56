"""Cells of text that no spreadsheet takes for a formula: names and addresses are whatever people entered."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["is_formula", "text_cell"]

SEPARATORS = ";\t\r\n"  # beside the comma, one of them begins a cell in the spreadsheets of some countries


def text_cell(value: str | None) -> str:
    """Return a cell of text that no spreadsheet takes for a formula, whatever stands before its sign and however wide
    that is."""
    parts = re.split(f"([{SEPARATORS}])", value or "")
    return "".join(f"'{part}" if is_formula(part) else part for part in parts)


def is_formula(text: str) -> bool:
    """Return whether the first sign of a text, in its plain form, begins a formula."""
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-")
    visible = (sign for sign in plain if not sign.isspace() and unicodedata.category(sign)[0] not in "CZ")
    return next(visible, "") in tuple("=+-@")
