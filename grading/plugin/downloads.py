"""What the names in a learning platform's download say: whose file it is, and what the student called it.

    Ada Lovelace_123456_assignsubmission_file/hw1.ipynb     Moodle, a folder for each student (older ones: "_file_/")
    Ada Lovelace_123456_assignsubmission_file_hw1.ipynb     Moodle, all in one folder
    lovelaceada_LATE_12345_67890_hw1-1.ipynb                Canvas: name, late or not, user, file, the file's own name
    anon_aB3dE_67890_hw1.ipynb                              Canvas, where students are anonymous

Both clean what stands before: Moodle turns `_` in a person's name into a space and drops signs such as the apostrophe,
Canvas keeps letters and digits alone, in small letters. So the first place that fits is the platform's, whatever a
student called the file. Moodle's number is another one in each of its assignments, Canvas' is one for all. Canvas adds
`-1`, `-2` to a name that was uploaded before.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["Download", "canvas_name", "moodle_name", "read_name"]

MOODLE = re.compile(r"(?P<name>[^_]+)(?:_(?P<number>\d+))?_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)
ANONYMOUS = re.compile(r"(?P<late>LATE_)?(?P<number>anon_[0-9A-Za-z]{5})_(?P<upload>\d+)_(?P<file>.+)", re.DOTALL)
CANVAS = re.compile(
    r"(?:(?P<name>.*?)_)?(?P<late>LATE_)?(?P<number>\d+)_(?P<upload>\d+)_(?P<file>.+)", re.DOTALL | re.ASCII
)
DROPPED = re.compile(r"[&<>\"`|':\\/\x00-\x1f\x7f]")  # of a person's name, by Moodle
AGAIN = r"-(?:\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"  # before the suffix, by Canvas


@dataclass(frozen=True)
class Download:
    """One file of a download: who handed it in as the platform says, and its path as the student gave it.

    `upload` counts up with time; 0 where the platform does not say. `doubtful`: another reading would fit, too.
    """

    system: str
    name: str
    number: str
    file: str
    late: bool = False
    upload: int = 0
    doubtful: bool = False

    def called(self, exercise: str) -> str:
        """Return the file's path without the number that Canvas gave to the exercise's own file."""
        again = re.fullmatch(f"({re.escape(exercise)}){AGAIN}((?:\\.[A-Za-z0-9]+)+)", self.file, re.IGNORECASE)
        return again[1] + again[2] if again and self.system == "Canvas" else self.file


def read_name(path: str) -> Download | None:
    """Return what a path in a download says, or None if it is no name that Moodle or Canvas gives.

    Args:
        path: below the download's folder, with "/", in any folders that a lecturer put around it.
    Example: "x/Ada L_7_assignsubmission_file/a/b.ipynb" is the file a/b.ipynb of Ada L, whose number is 7.
    """
    parts = unicodedata.normalize("NFC", path).split("/")
    for place, part in enumerate(parts):
        if found := MOODLE.fullmatch(part):
            file = "/".join(filter(None, [found["file"], *parts[place + 1 :]]))
            return Download("Moodle", found["name"].strip(" ."), found["number"] or "", file) if file else None
    if found := ANONYMOUS.fullmatch(parts[-1]):
        return Download("Canvas", "", found["number"], found["file"], bool(found["late"]), int(found["upload"]))
    if found := CANVAS.fullmatch(parts[-1]):
        doubtful = re.match(r"\d+_.", found["file"], re.ASCII) is not None
        who, late = (found["name"] or "", found["number"]), bool(found["late"])
        return Download("Canvas", *who, found["file"], late, int(found["upload"]), doubtful)
    return None


def moodle_name(name: str) -> str:
    """Return a person's name as Moodle's downloads give it, to be compared: "Zoë O'Neill" is "zoë oneill"."""
    plain = DROPPED.sub("", unicodedata.normalize("NFC", name).replace("_", " "))
    return " ".join(plain.split()).casefold()


def canvas_name(last: str, first: str) -> str:
    """Return a person's name as Canvas' downloads give it: ("Müller-Lüd", "Jörg") is "müllerlüdjörg"."""
    return re.sub(r"\W", "", unicodedata.normalize("NFC", last + first)).lower()
