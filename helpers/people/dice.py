"""Random numbers that are the same on every platform, one independent stream per purpose."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from helpers.people.arrays import Floats

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """Draws from one stream named by integers in [0, 2**64), for example (seed, index, purpose, person).

    Only `Generator.random` is used: its doubles are the bits of PCG64, which NumPy keeps stable between versions;
    the methods for other distributions carry no such promise. Streams of their own mean that turning one knob of a
    scene leaves everything else as it was.
    """

    def __init__(self, *key: int):
        # Two words per number and their count first: (1, 2) and (1, 2, 0) would be one and the same stream otherwise.
        words = [len(key)]
        for number in key:
            words += (number & 0xFFFFFFFF, number >> 32)
        self._random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(words))).random

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * float(self._random())

    def uniforms(self, *shape: int) -> Floats:
        """Return float64 numbers in [0, 1) of this shape."""
        return self._random(shape)

    def integer(self, low: int, high: int) -> int:
        """Return a whole number in [low, high], both included."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return float(self._random()) < probability

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[int(self._random() * len(choices))]

    def bell(self, *shape: int) -> Floats:
        """Return float64 numbers around 0 with standard deviation 1, within [-3, 3]: sums of four uniforms."""
        sums: Floats = (self._random((4, *shape)).sum(axis=0) - 2) * np.sqrt(3.0)
        return sums
