"""Folders without a notebook that could be read: zero, with the reason, and the row exists."""

from __future__ import annotations

import json

from submissions.exercise import Exercise, HandedIn


def nothing_but_a_note(ex: Exercise) -> HandedIn:
    """There is no notebook, only a note."""
    return ex.handed_in(None, ex.nothing, {"note.txt": b"I was ill."})


def notebook_is_empty(ex: Exercise) -> HandedIn:
    """The notebook has no bytes, as after a full disk."""
    return ex.handed_in("", ex.nothing)


def notebook_was_cut(ex: Exercise) -> HandedIn:
    """The notebook ends in the middle, as after an upload that broke off."""
    text = json.dumps(ex.filled())
    return ex.handed_in(text[: len(text) // 2], ex.nothing)


def notebook_with_trailing_commas(ex: Exercise) -> HandedIn:
    """The notebook was edited by hand and has a comma too many."""
    return ex.handed_in(json.dumps(ex.filled())[:-1] + ",}", ex.nothing)


def notebook_of_random_bytes(ex: Exercise) -> HandedIn:
    """The notebook is no text at all."""
    return ex.handed_in(bytes(range(256)) * 40, ex.nothing)


def notebook_is_python(ex: Exercise) -> HandedIn:
    """The notebook is a script with the right answers, renamed."""
    return ex.handed_in("\n\n".join(ex.answers.values()), ex.nothing)


def notebook_is_a_list(ex: Exercise) -> HandedIn:
    """The notebook is a list of its cells."""
    return ex.handed_in(json.dumps(ex.filled()["cells"]), ex.nothing)


def notebook_nested_too_deeply(ex: Exercise) -> HandedIn:
    """The notebook is a million brackets."""
    return ex.handed_in('{"cells": ' + "[" * 1_000_000, ex.nothing)


def notebook_of_invalid_utf8(ex: Exercise) -> HandedIn:
    """The notebook is in an encoding of its own, with bytes that are no UTF-8."""
    return ex.handed_in(json.dumps(ex.filled()).encode().replace(b'"cells"', b'"\xff\xfecells"'), ex.nothing)
