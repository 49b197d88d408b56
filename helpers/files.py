"""Where the course lies, files written whole or not at all, downloads with a checksum, and zip files."""

import contextlib
import email.utils
import glob
import hashlib
import os
import re
import stat
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["ROOT", "atomically", "fetch", "opened_zip", "unpack"]

ROOT = Path(__file__).resolve().parent.parent  # of the course: helpers/, data/ and, for staff, grading/ lie in it
TIMEOUT_S = 30.0  # without a word of the server
IDLE_S = 120.0  # an unfinished download is nobody's after so long: whoever waits for a server gives up sooner
MOST_BYTES = 4 * 2**30  # in a zip file, unpacked
OUTSIDE = re.compile(r"^[/\\]|^.:|(^|[/\\])\.\.([/\\]|$)")  # a path in one that leads out of its folder


@contextlib.contextmanager
def atomically(path: str | os.PathLike[str], private: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; it takes the place of `path` when the block ends well, else it is removed.

    So an interrupt or a full disk never leaves half a file under the real name. All may read the file, or only its
    owner where it is `private`. Raises OSError where the folder cannot be written.
    """
    path = Path(path)
    with contextlib.suppress(OSError):
        for left in path.parent.glob(f".{glob.escape(path.name[:50])}.{'?' * 8}.part"):  # by a process that was killed
            if time.time() - left.stat().st_mtime > IDLE_S:
                left.unlink()
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:50]}.", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        if not private:  # mkstemp makes files private; ours are as readable as any other
            with contextlib.suppress(OSError):
                part.chmod(0o644)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def fetch(url: str, sha256: str | None, folder: str | os.PathLike[str]) -> Path:
    """Return the path of the file at `url`, downloaded into `folder` unless a good copy is there already.

    The next call goes on with a download that was cut or interrupted, if the server allows that and still has the same
    file. Only when it is whole and its SHA-256 is `sha256` does it get its name, and take the place of what had it.

    Raises ValueError: no or another checksum; ConnectionError: nothing came, or not all; OSError: nowhere to write.
    """
    import requests

    if not sha256:
        raise ValueError(f"{url} came without sha256; give the checksum of the file, so that no other is taken for it.")
    folder, name = Path(folder), Path(unquote(urlsplit(url).path)).name.lstrip(".") or "download"
    target, part = folder / name, folder / f".{name}.{os.getpid()}-{time.time_ns()}.part"
    if target.is_file() and checksum(target) == sha256.lower():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f".{glob.escape(name)}.*.part"):
            with contextlib.suppress(OSError):  # another process was quicker
                if time.time() - left.stat().st_mtime > IDLE_S:
                    os.replace(left, part)
        _download(url, part)
    except requests.RequestException as error:
        problem = type(error).__name__ if error.response is None else f"the server says {error.response.status_code}"
        ask = f"Check the network and try again, or put the file into {folder} as {name} yourself."
        raise ConnectionError(f"{url} could not be downloaded ({problem}). {ask}") from error
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        problem = f"{folder} cannot keep {url} ({error.strerror}), so nothing of it is there"
        raise type(error)(f"{problem}. Make room, or choose another folder.") from error
    if checksum(part) != sha256.lower():
        part.unlink()
        problem = f"{url} sent another file than expected (SHA-256 is not {sha256[:12]}...), so it was thrown away"
        raise ValueError(f"{problem}. Try again; if it stays so, the source has changed: tell the course.")
    os.replace(part, target)
    return target


def _download(url: str, part: Path) -> None:
    """Bring what is missing of `part`; or all of it, if its time is not the server's: the file there was changed."""
    import requests
    from tqdm.auto import tqdm

    headers, had = {"Accept-Encoding": "identity"}, part.stat().st_size if part.exists() else 0
    if had:
        headers |= {"Range": f"bytes={had}-", "If-Range": email.utils.formatdate(part.stat().st_mtime, usegmt=True)}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
        if had and answer.status_code == 416:  # nothing is missing: the checksum decides
            return
        answer.raise_for_status()
        had *= answer.status_code == 206
        whole, changed = had + (answer.raw.length_remaining or 0), answer.headers.get("Last-Modified", "")
        bar = tqdm(total=whole or None, initial=had, unit="B", unit_scale=True, disable=sys.stderr is None)
        try:
            with part.open("ab" if had else "wb") as file, bar:
                for chunk in answer.iter_content(2**13):
                    bar.update(file.write(chunk))
        finally:
            if part.exists() and (time_of_day := email.utils.parsedate_tz(changed)):
                os.utime(part, (email.utils.mktime_tz(time_of_day),) * 2)
    if part.stat().st_size < whole:
        raise requests.ConnectionError("the connection was cut")


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(archive: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
    """Unpack a zip file into `folder`: all of it, or nothing where `opened_zip` refuses it or the disk is full."""
    with opened_zip(archive) as file, tempfile.TemporaryDirectory(prefix=".unpacked.", dir=folder) as part:
        file.extractall(part)
        for path in sorted(Path(part).rglob("*")):
            target = Path(folder, path.relative_to(part))
            target.mkdir(exist_ok=True) if path.is_dir() else os.replace(path, target)


@contextlib.contextmanager
def opened_zip(archive: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """Open a zip file, to be read within the `with` block.

    Raises ValueError: it is damaged, now or where it is read; or it holds a link, a path that leads out, or too much.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            for one in file.infolist():
                if OUTSIDE.search(one.filename) or stat.S_ISLNK(one.external_attr >> 16) or one.header_offset < 0:
                    raise zipfile.BadZipFile(f"{one.filename!r} in it leads elsewhere")
            if sum(one.file_size for one in file.infolist()) > MOST_BYTES:
                raise zipfile.BadZipFile(f"unpacked it is larger than {MOST_BYTES / 2**30:.0f} GB")
            yield file
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, UnicodeDecodeError) as error:
        raise ValueError(f"{archive} is damaged, or no zip file of this course ({error}). Get it again.") from error
