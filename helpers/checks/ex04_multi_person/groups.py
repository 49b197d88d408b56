"""How people are judged, the answers to `group_people`.

People come in any order, and several ways of grouping are right. So the scenes are clean (`scenes.py`): along every
limb that is there the fields are clear, along every other they are not, and all sensible ways find the same people.
What comes back is put in order before it is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.checks.engine.changes import copied, names_of, unchanged
from helpers.checks.engine.compare import described, same, show
from helpers.checks.engine.judge import call_line
from helpers.checks.engine.question import Memory, read_hints
from helpers.checks.engine.values import Value, as_tensors
from helpers.checks.ex04_multi_person.group_evidence import everybody_is_alone, mistake_in
from helpers.checks.ex04_multi_person.readings import FreeCall, Limbs, Reading, listed

__all__ = ["People", "grouping"]

HINTS = read_hints("ex04_multi_person")["group_people"]


@dataclass(frozen=True)
class People(FreeCall):
    """A call of `group_people`. Where the scene leaves open who belongs to whom, `open` is true: all that is asked is
    that every peak comes once, as a keypoint of its own kind."""

    peaks: list[Tensor]
    fields: Tensor
    limbs: Limbs
    note: str = ""
    open: bool = False

    hints = HINTS
    form = "a tensor (N, K, 3) in the dtype of the peaks: one row for each person, 0 where a keypoint is missing"

    @property
    def inputs(self) -> dict[str, Any]:
        return {"peaks": self.peaks, "fields": self.fields, "limbs": self.limbs}

    @property
    def called(self) -> str:
        counts = ", ".join(str(len(found)) for found in self.peaks)
        arguments = f"peaks: {counts} of them, fields: {described(self.fields)}, limbs: {listed(self.limbs, 10)}"
        return call_line("group_people", arguments, self.note)

    @property
    def most(self) -> tuple[int, str]:
        """How many people an answer can have, be it wrong, and why."""
        return sum(map(len, self.peaks)), "people, as each has a peak of their own"

    def reading(self, value: Value) -> Reading:
        """Return the people, sorted."""
        if not isinstance(value, Tensor):
            return Reading(value, show(value), "type")
        if value.ndim != 3 or value.shape[1:] != (len(self.peaks), 3):
            return Reading(value, show(value), "shape")
        people = value.double()
        sizes = [str(int(count)) for count in (people != 0).any(dim=2).sum(dim=1).sort(descending=True).values]
        text = f"{len(people)} people of {', '.join(sizes)} keypoints" if len(sizes) < 25 else f"{len(people)} people"
        if self.open:
            n, k = (people != 0).any(dim=2).nonzero().T
            people = torch.cat([k[:, None], people[n, k]], dim=1)[:, None]
        flaw = "dtype" if value.dtype != self.fields.dtype else ""
        return Reading(_in_order(people), text if len(people) else "no people", flaw=flaw)

    def says_nothing(self, got: Value) -> bool:
        """Return whether everybody is alone, or nobody is there."""
        people = self._people(got)
        return people is not None and everybody_is_alone(people)

    def evidence(self, got: Value, right: Value) -> str | None:
        """Return the mistake that people show by themselves; where it is open who belongs to whom, only what is so
        for any people."""
        people, best = self._people(got), self._people(right)
        found = None if people is None or best is None else mistake_in(people, best, self.peaks)
        return None if self.open and found in ("in_pieces", "joined") else found

    def _people(self, got: Value) -> Tensor | None:
        """Return what came if it has the form of people."""
        value = as_tensors(got["value"]) if isinstance(got, Mapping) else None
        fits = isinstance(value, Tensor) and value.ndim == 3 and value.shape[1:] == (len(self.peaks), 3)
        return value if fits else None

    def told_apart(self, got: Reading, right: Reading) -> tuple[str, str]:
        """Return the lines `returned` and `expected`, each with something that the other has not."""
        sides = ((got, right), (right, got))
        what = "the keypoint" if self.open else "one with the keypoints"
        odd = [_odd(one.value, other.value, self.open) for one, other in sides]
        texts = [one.text + (f", {what} {row}" if row else "") for (one, _), row in zip(sides, odd, strict=True)]
        return texts[0], ("every peak once: " if self.open else "") + texts[1]


def _in_order(people: Tensor) -> Tensor:
    """Return people in an order that the last digits do not decide."""
    keys = (people.flatten(start_dim=1) * 256).round().nan_to_num(1e9)
    return people[np.lexsort(keys.T.numpy()[::-1])] if people.numel() else people


def _odd(people: Tensor, others: Tensor, one_keypoint: bool) -> str:
    """Return the largest person that is not among the others, as text; nothing if there is none."""
    rows = [row for row in people if not any(same(row, other) for other in others)]
    if not rows:
        return ""
    if one_keypoint:
        k, *place = rows[0][0].tolist()
        return f"{k:g} at ({place[0]:g}, {place[1]:g})"
    row = max(rows, key=lambda person: int((person != 0).any(dim=1).sum()))
    there = (row != 0).any(dim=1).nonzero()[:, 0].tolist()
    return ", ".join(f"{k} at ({row[k, 0]:g}, {row[k, 1]:g})" for k in there) or "none"


def grouping(
    answer: Any, memory: Memory, peaks: list[Tensor], fields: Tensor, limbs: Sequence[Sequence[int]]
) -> dict[str, Any]:
    """Call an answer: its value, and what it changed. Limbs are pairs again, as they were before they crossed."""
    given = [list(peaks), fields, [tuple(limb) for limb in limbs]]
    before = copied(given)
    value = answer(*given)
    kept = [unchanged(old, new) for old, new in zip(before, given, strict=True)]
    return {"value": value, "changed": names_of(dict(zip(("peaks", "fields", "limbs"), kept, strict=True)))}
