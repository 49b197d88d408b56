"""The files of a submission, wherever they lie in its folder or in a zip there; none of them is trusted.

    files = listed(folder)         what counts, the nearest first
    files[0].read(50)              its bytes, of a plain file of at most 50 MB
    unpacked(files[1], 50)         the files in an archive

Nothing is written and no link is followed: a member of an archive is read into memory, and no more of it than may be.
What lies in a hidden folder or in `__MACOSX`, and hidden files, count for nothing.
"""

from __future__ import annotations

import functools
import io
import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.errors import UnreadableSubmission

__all__ = ["HandedFile", "kind_of_archive", "listed", "read_regular", "unpacked"]

MAX_ENTRIES, MAX_DEPTH = 5_000, 8
MAX_DIRECTORY = 1 << 20  # bytes of an archive's list of members: some ten thousand, each of which takes memory
NO_PART = re.compile(r"\..*|__MACOSX|__pycache__", re.DOTALL)
KINDS = {
    b"PK\3\4": "zip",
    b"Rar!\x1a\7": "rar",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"\x1f\x8b\x08": "gz",
    b"\xfd7zXZ\0": "xz",
}
LOCKED, METHODS = 0x1, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others unpack without a bound on what comes


@dataclass(frozen=True)
class HandedFile:
    """One file: its path below the submission's folder, an archive being one more folder, and how to read it.

    `read(limit_mb)` returns its bytes, or raises UnreadableSubmission.
    """

    path: str
    read: Callable[[int], bytes]

    @property
    def name(self) -> str:
        """Its name without folders."""
        return self.path.rpartition("/")[2]

    @property
    def place(self) -> str:
        """The folder that it lies in; "" is the submission's own."""
        return self.path.rpartition("/")[0]

    @property
    def depth(self) -> int:
        """How many folders down it lies."""
        return self.path.count("/")


def listed(folder: Path) -> list[HandedFile]:
    """Return whatever lies in a submission's folder and has a name that counts, the nearest first, at most MAX_ENTRIES.

    Links, pipes and folders with a suffix are among it, and say what they are when they are read.

    Raises:
        UnreadableSubmission: the folder is none, or a link.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise UnreadableSubmission(f"{folder.name} is {'a link' if folder.is_symlink() else 'not a folder'}")
    found: list[HandedFile] = []
    level = [""]
    for _ in range(MAX_DEPTH):
        level = [inner for path in level for inner in _look(folder, path, found)]
    return found


def _look(folder: Path, path: str, found: list[HandedFile]) -> list[str]:
    """Add what lies in one folder to `found`, and return the folders in it."""
    folders = []
    try:
        with os.scandir(folder / path) as entries:
            here = sorted((entry for entry in entries if not NO_PART.fullmatch(entry.name)), key=lambda one: one.name)
    except OSError:  # closed to us, or gone
        return []
    for entry in here[: max(0, MAX_ENTRIES - len(found))]:
        inner, is_folder = f"{path}/{entry.name}".lstrip("/"), entry.is_dir(follow_symlinks=False)
        folders += [inner] * is_folder
        if not is_folder or "." in entry.name:
            found.append(HandedFile(inner, functools.partial(read_regular, Path(entry.path))))
    return folders


def read_regular(path: Path, limit_mb: int) -> bytes:
    """Return the bytes of a regular file of at most `limit_mb`.

    Raises:
        UnreadableSubmission: for a link, a folder, a device, a file that may not be read or is larger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        kind = "is a link" if path.is_symlink() else f"cannot be opened: {error.strerror}"
        raise UnreadableSubmission(f"{path.name} {kind}") from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            kind = "a folder" if stat.S_ISDIR(state.st_mode) else "not a regular file"
            raise UnreadableSubmission(f"{path.name} is {kind}")
        if state.st_size > limit_mb << 20:
            raise UnreadableSubmission(f"{path.name} has {state.st_size >> 20} MB; at most {limit_mb} MB are read")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(min(state.st_size, limit_mb << 20) + 1)  # that many bytes are taken for it at once
    finally:
        os.close(descriptor)


def unpacked(archive: HandedFile, limit_mb: int) -> list[HandedFile]:
    """Return the files in a zip of at most `limit_mb`, the nearest first; they are unpacked when they are read.

    Raises:
        UnreadableSubmission: it is damaged, too large, or has too many members.
    """
    data = archive.read(limit_mb)
    try:
        large = _size_of_directory(data) > MAX_DIRECTORY
        members = [] if large else zipfile.ZipFile(io.BytesIO(data)).infolist()
    except Exception:  # of bytes that somebody made up zipfile raises whatever comes
        raise UnreadableSubmission(f"{archive.name} is no zip that can be opened") from None
    if large:
        raise UnreadableSubmission(f"{archive.name} has too many files in it")
    found = []
    for member in members[:MAX_ENTRIES]:
        parts = [part for part in re.split(r"[/\\]", member.filename) if part not in ("", ".", "..")]
        is_folder = not parts or member.filename.endswith(("/", "\\"))
        if not is_folder and not any(map(NO_PART.fullmatch, parts)):
            found.append(HandedFile("/".join([archive.path, *parts]), _reader(data, member)))
    return sorted(found, key=lambda file: (file.depth, file.path))


def kind_of_archive(data: bytes) -> str:
    """Return what archive bytes are by how they begin; "" of anything else."""
    kinds = (kind for mark, kind in KINDS.items() if data.startswith(mark))
    return next(kinds, "tar" if data[257:262] == b"ustar" and b"\0" in data[:257] else "")


def _size_of_directory(data: bytes) -> int:
    """Return the bytes of a zip's list of members, where Python's zipfile looks for it; the 64-bit form is refused."""
    end = len(data) - 22
    if data[end : end + 4] != b"PK\5\6" or data[-2:] != b"\0\0":  # else it ends with a comment
        end = data.rfind(b"PK\5\6", max(0, len(data) - (1 << 16) - 22))
    if end < 0 or b"PK\6\7" in data[max(0, end - 20) : end]:
        raise zipfile.BadZipFile
    size: int = struct.unpack_from("<L", data, end + 12)[0]
    return size


def _reader(data: bytes, member: zipfile.ZipInfo) -> Callable[[int], bytes]:
    """Return what reads one member of the archive of these bytes."""

    def read(limit_mb: int) -> bytes:
        name = member.filename
        if member.flag_bits & LOCKED or member.compress_type not in METHODS:
            how = "locked with a password" if member.flag_bits & LOCKED else "packed in an unusual way"
            raise UnreadableSubmission(f"{name} is {how}")
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as file, file.open(member) as stream:
                content = stream.read((limit_mb << 20) + 1)
        except Exception:  # as above
            raise UnreadableSubmission(f"{name} is damaged") from None
        if len(content) > limit_mb << 20:
            raise UnreadableSubmission(f"{name} has more than {limit_mb} MB; at most {limit_mb} MB are read")
        return content

    return read
