"""`nbgrader zip_collect`, first step: archives of Moodle and Canvas are unpacked, what a student packed is not.

What is damaged, locked or too large is told, and the rest goes on. Names become such as any file system and any log
takes.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from nbgrader.plugins import BasePlugin, ExtractorPlugin
from traitlets import Integer

from grading.errors import printable
from grading.plugin.downloads import read_name

__all__ = ["LmsExtractor", "Teller"]

NO_PART = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints")  # and "._" and what follows
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError)
UTF8 = 0x800  # flag of a name in a zip
MOST_OF_A_NAME = 255  # bytes


class Teller(BasePlugin):
    """Keeps what a lecturer has to know, for `tell` to say it where nbgrader's lines on each file are over."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.said: list[str] = []

    def _say(self, line: str, *parts: object) -> None:
        self.said.append(line % parts)

    def tell(self) -> None:
        """Say it, what was not collected as an error."""
        for line in self.said:
            self.log.log(logging.ERROR if line.startswith("not collected") else logging.WARNING, "%s", line)


class LmsExtractor(Teller, ExtractorPlugin):
    """Copies what lies in the folder of archives, each archive of a learning platform unpacked into a folder."""

    file_mb = Integer(128, help="Size up to which a file is unpacked; larger ones are never read.").tag(config=True)

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack and copy; what is damaged is told, and the rest goes on."""
        root, target = Path(archive_path), Path(extracted_path)
        paths = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
        paths = [path for path in paths if not _no_part(path.relative_to(root).parts)]
        if not paths:
            self._say("there is no file in %s: put there what Moodle or Canvas gave you", root)
        try:
            for number, path in enumerate(paths, 1):
                self._take(path, path.relative_to(root), target, f"archive {number}")
        except OSError as error:
            why = f"{target} cannot be filled: {error.strerror}"
            self.parent.fail(f"{why}. See to the room there and to its rights, then run again with --force.")

    def _take(self, path: Path, relative: Path, target: Path, folder: str) -> None:
        """Unpack a platform's archive into a folder of its own, copy anything else.

        Raises:
            OSError: nothing can be written.
        """
        holds_students, is_students = _is_download(path), read_name(relative.as_posix()) is not None
        if holds_students and is_students:  # whoever packs such a zip could hand in for others
            why = "is called as a student's file is, and holds such files; is it a download, rename it"
            self._say("not collected: %s %s", printable(path.name), why)
        elif holds_students:
            self._unpack(path, target / folder)
        elif path.suffix.lower() == ".zip" and not is_students and not zipfile.is_zipfile(path):
            self._say("not collected: %s is no zip that can be opened; download it again", printable(path.name))
        else:
            place = target / _safe(relative.parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)

    def _unpack(self, path: Path, target: Path) -> None:
        """Unpack an archive: plain files of a sensible size, each with the time that the archive gives it."""
        self.log.info("Unpacking %s", printable(str(path)))
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                parts = _parts(_name_of(member))
                if member.is_dir() or not parts or _no_part(parts):
                    continue
                place = target / _safe(parts)
                if said := self._unpack_one(archive, member, place):
                    place.unlink(missing_ok=True)
                    self._say("not collected: %s in %s %s", printable(_name_of(member)), path.name, said)

    def _unpack_one(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> str:
        """Write one file; return what is wrong with it.

        Raises:
            OSError: nothing can be written.
        """
        if member.file_size > self.file_mb << 20:
            return f"has more than {self.file_mb} MB"
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(member) as stream, place.open("xb") as file:
                shutil.copyfileobj(stream, file)  # no more comes than the archive said
        except FileExistsError:
            return "is there twice"
        except DAMAGED as error:
            return f"cannot be unpacked ({printable(str(error))[:80]})"
        try:
            when = time.mktime((*member.date_time, 0, 0, -1))
            os.utime(place, (when, when))
        except (ValueError, OverflowError):  # a date that there is not
            pass
        return ""


def _is_download(path: Path) -> bool:
    """Return whether a file is a platform's archive: a zip in which names tell students."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = ("/".join(_parts(_name_of(member))) for member in archive.infolist())
            return any(name and read_name(name) is not None for name in names)
    except (OSError, *DAMAGED):
        return False


def _name_of(member: zipfile.ZipInfo) -> str:
    """Return the name of a file in a zip; one in UTF-8 that does not say so is read as that."""
    if member.flag_bits & UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _no_part(parts: tuple[str, ...]) -> bool:
    return any(part in NO_PART or part.startswith("._") for part in parts)


def _safe(parts: tuple[str, ...]) -> Path:
    """Return a path that any file system and any log takes: signs that move a cursor are `_`, long names are cut."""
    return Path(*(_cut("".join(sign if sign.isprintable() else "_" for sign in _plain(part))) for part in parts))


def _plain(part: str) -> str:
    return unicodedata.normalize("NFC", part.encode("utf-8", "replace").decode())


def _cut(name: str) -> str:
    if len(name.encode()) <= MOST_OF_A_NAME:
        return name
    suffix = PurePosixPath(name).suffix[:20]
    return name.encode()[: MOST_OF_A_NAME - len(suffix.encode())].decode(errors="ignore") + suffix
