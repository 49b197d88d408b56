"""What a notebook's JSON takes in memory once it is read, found before it is: 49 MB of brackets take gigabytes."""

from __future__ import annotations

import re

__all__ = ["MOST_MB", "memory_of"]

MOST_MB = 600  # of all that is looked at; 50 MB of notebook with nothing in it but short lines of output take 270
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # nothing to go back to, so nothing is kept for it
# Bytes of Python's objects, as 64 bits have them: of what stands before a comma, of an object, a list, a string.
COSTS = {",": 48, "{": 256, "[": 96, '"': 32}


def memory_of(text: str, most: int) -> int:
    """Return how many bytes the JSON in a text may take, beside the text itself; beyond `most` it is not counted.

    Example: a million times "{}," are 3 MB of text and some 290 MB of objects.
    """
    size = COSTS['"'] * (text.count('"') - text.count('\\"'))  # at least: those that end a string
    if size > most:
        return size
    size = outside = 0
    for found in STRING.finditer(text):
        size += _bytes(text, outside, found.start()) + 2 * COSTS['"']
        outside = found.end()
        if size > most:
            return size
    return size + _bytes(text, outside, len(text))


def _bytes(text: str, start: int, end: int) -> int:
    """Return the bytes that the signs of a part of the text stand for."""
    return sum(cost * text.count(sign, start, end) for sign, cost in COSTS.items())
