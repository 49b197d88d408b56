"""The knobs of a rendered scene."""

from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any

__all__ = ["MAX_PEOPLE", "SceneSettings"]

MAX_PEOPLE = 30
SIZE_RANGE = (32, 1024)


@dataclass(frozen=True)
class SceneSettings:
    """What a scene looks like; the defaults are those of the first exercises: one person, moderately hard.

    Turning one knob leaves the rest of a scene as it was: same people, same place.

    Raises:
        TypeError, ValueError: a knob is of the wrong type or out of its range; the message says which.
    """

    size: tuple[int, int] = (128, 128)
    """(H, W) in pixels, each in [32, 1024]."""
    people: tuple[int, int] = (1, 1)
    """Least and most people in an image, in [1, 30]."""
    crowding: float = 0.3
    """0: people keep apart where there is room; 1: they overlap as much as three quarters of the smaller one."""
    occlusion: float = 0.3
    """Chance of each person to have a thing in front; its square is the chance of a second one."""
    truncation: float = 0.1
    """Chance of each person to be cut by the border of the image, by 10 to 40 % of their box."""
    scale: tuple[float, float] = (0.55, 0.9)
    """Least and most body height (standing) as a share of the image height, in [0.05, 1.5]. A person who would not
    fit and is not meant to be cut is made smaller."""
    appearance: float = 0.5
    """0: plain clothes, even light, empty place; 1: patterns, hard coloured light, clutter, grain."""

    def __post_init__(self) -> None:
        check_pair("size", self.size, Integral, *SIZE_RANGE, ordered=False)
        check_pair("people", self.people, Integral, 1, MAX_PEOPLE)
        check_pair("scale", self.scale, Real, 0.05, 1.5)
        for name in ("crowding", "occlusion", "truncation", "appearance"):
            check_share(name, getattr(self, name))
        # Lists and NumPy numbers are welcome, but equal settings must compare and hash as equal.
        for field in fields(self):
            value, kind = getattr(self, field.name), int if field.name in ("size", "people") else float
            value = tuple(map(kind, value)) if isinstance(value, (tuple, list)) else float(value)
            object.__setattr__(self, field.name, value)


def check_share(name: str, value: object) -> None:
    """Raise unless `value` is a number in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; expected a number in [0, 1].")
    number: Any = value  # Real itself promises no comparison with int
    if not 0 <= number <= 1:
        raise ValueError(f"{name} is {value}; expected a number in [0, 1].")


def check_pair(name: str, value: object, kind: type, low: float, high: float, ordered: bool = True) -> None:
    """Raise unless `value` is two numbers of this kind within [low, high], by default in rising order."""
    words = "whole numbers" if kind is Integral else "numbers"
    expected = f"expected two {words} in [{low}, {high}]" + (", the smaller first" if ordered else ", (H, W)")
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} is {value!r}; {expected}.")
    if any(isinstance(v, bool) or not isinstance(v, kind) for v in value):
        raise TypeError(f"{name} is {value!r}; {expected}.")
    if not all(low <= v <= high for v in value) or (ordered and value[0] > value[1]):
        raise ValueError(f"{name} is {tuple(value)}; {expected}.")
