"""Which file holds the weights: the one under its name beside the notebook, or the only one that is likely.

A browser renames a second download, students tidy up into folders, systems write suffixes in capitals. So where no file
has the expected name in the expected place, the likeliest that can be weights is taken and noted; where two of them
could be meant none is, and what was found is said.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from grading.errors import UnreadableSubmission
from grading.submission.files import HandedFile
from grading.submission.pick import SET_ASIDE

__all__ = ["Weights", "begins_as_weights", "find_weights", "may_be_weights"]

SUFFIX, CHECKPOINT = ".safetensors", ".checkpoint"
PICKLES = re.compile(r"(?i)\.(pt|pth|ckpt|pkl|bin|h5|npz|onnx)$")
NAMELESS = re.compile(r"(?i)[^.]+|.*\.(pt|pth|ckpt|pkl|bin|safetensor)", re.DOTALL)  # its bytes decide
PICKLED = (
    "{} may hold weights, but is no .safetensors file: such a file is not opened, for it can run code. "
    "Save with helpers.save_weights."
)
MAX_FILES = 20
EXPECTED, OTHER = 0, 4


@dataclass
class Weights:
    """The bytes of the weights file; or None, with what there is instead in the student's words; and notes.

    `sound` says whether any of the files looked at can be weights, whichever is meant.
    """

    data: bytes | None = None
    said: str = ""
    notes: list[str] = field(default_factory=list)
    sound: bool = False


def find_weights(
    files: list[HandedFile], archives: Callable[[], list[HandedFile]], exercise: str, notebook: str, limit_mb: int
) -> Weights:
    """Return the weights among the files.

    Args:
        archives: gives the files in archives, looked at where the notebook lies in one, or no sound weights outside.
        notebook: the path of the notebook, beside which they belong.
    """
    place = notebook.rpartition("/")[0]
    opened = not any(file.path == notebook for file in files)
    found = _among([*files, *archives()] if opened else files, exercise, place, limit_mb)
    if not found.sound and not opened and (inside := archives()):
        found.data = None  # or they would be held while others are read
        found = _among([*files, *inside], exercise, place, limit_mb)
    found.notes += [f"weights not used: {found.said}"] * bool(found.said)
    return found


def _among(files: list[HandedFile], exercise: str, place: str, limit_mb: int) -> Weights:
    """Return the likeliest by name; where no name is that of weights, by how a file begins that lost its suffix."""
    by_likelihood = sorted(files, key=lambda file: (*_likelihood(file, exercise, place), file.path))
    if candidates := [file for file in by_likelihood if may_be_weights(file.name)]:
        return _likeliest(candidates[:MAX_FILES], exercise, place, limit_mb)
    nameless = [file for file in by_likelihood if NAMELESS.fullmatch(file.name) and CHECKPOINT not in file.name.lower()]
    if nameless and (found := _likeliest(nameless[:MAX_FILES], exercise, place, limit_mb)).sound:
        return found
    pickles = [file.path for file in files if PICKLES.search(file.name)]
    return Weights(said=PICKLED.format(", ".join(pickles[:3])) if pickles else "")


def may_be_weights(name: str) -> bool:
    """Return whether a file of this name may hold weights; the state of a training that was ended is none, nor is
    the archive that a Mac makes of a single file, `ex01.safetensors.zip`: it holds them."""
    lower = name.lower()
    return SUFFIX in lower and CHECKPOINT not in lower and not lower.endswith(".zip")


def _likelihood(file: HandedFile, exercise: str, place: str) -> tuple[int, bool]:
    """Return how likely a file is meant, by its name and then by its place; the least is the likeliest."""
    name, number = file.name.lower(), exercise.partition("_")[0]
    if file.place == place and file.name == exercise + SUFFIX:
        return EXPECTED, False
    if name == exercise.lower() + SUFFIX:
        kind = 1
    elif name.startswith(exercise.lower()):
        kind = 2
    elif re.match(rf"{re.escape(number)}(?![a-z0-9])", name):
        kind = 3
    else:
        kind = 5 if re.match(r"ex\d\d(?![a-z0-9])", name) else OTHER  # another exercise's, or anything
    return kind, file.place != place


def _likeliest(candidates: list[HandedFile], exercise: str, place: str, limit_mb: int) -> Weights:
    """Return the likeliest file that can be weights; of two equally likely ones that differ none."""
    faults: list[str] = []
    broken: list[HandedFile] = []  # whoever loads it says what it is
    for kind, group in itertools.groupby(candidates, lambda file: _likelihood(file, exercise, place)):
        if kind[0] >= OTHER and (faults or broken):
            break  # the file that was meant is there
        sound: dict[bytes, HandedFile] = {}
        for file in group:
            try:
                if digest := _digest_of_sound(file.read(limit_mb)):
                    sound.setdefault(digest, file)
                else:
                    broken.append(file)
            except UnreadableSubmission as error:
                faults.append(error.message)
        if sound:
            found = _only(list(sound.values()), exercise, kind[0] == EXPECTED, limit_mb)
            found.sound = True
            return found
    if broken:
        return _only(broken[:1], exercise, _likelihood(broken[0], exercise, place)[0] == EXPECTED, limit_mb)
    return Weights(said=f"{faults[0]}.")


def _only(found: list[HandedFile], exercise: str, expected: bool, limit_mb: int) -> Weights:
    """Return the only one of these files, or the only one that was not set aside.

    It is read once more: to keep the bytes of all of them while they are compared would take gigabytes.
    """
    kept = [file for file in found if not SET_ASIDE.search(file.path)] or found
    if len(kept) > 1:
        names = ", ".join(file.path for file in kept[:5])
        return Weights(said=f"{names} differ, and none is called {exercise}{SUFFIX}: hand in the one that is meant.")
    notes = [] if expected else [f"the weights were called {kept[0].path}"]
    return Weights(kept[0].read(limit_mb), notes=notes)


def _digest_of_sound(data: bytes) -> bytes:
    """Return what tells bytes from others if they can be weights; else nothing."""
    return hashlib.sha256(data).digest() if begins_as_weights(data) else b""


def begins_as_weights(data: bytes) -> bool:
    """Return whether bytes begin as a safetensors file does, with the length of a header and a header."""
    return len(data) > 8 and struct.unpack("<Q", data[:8])[0] <= len(data) - 8 and data[8:9] == b"{"
