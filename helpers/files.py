"""Where the course lies, files written whole or not at all, and downloads with a checksum."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ROOT", "atomically", "fetch"]

ROOT = Path(__file__).resolve().parent.parent  # of the course: helpers/, data/ and, for staff, grading/ lie in it


@contextlib.contextmanager
def atomically(path: str | os.PathLike[str], private: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`; it takes the place of `path` when the block ends well, else it is removed.

    So an interrupt or a full disk never leaves half a file under the real name, and a reader sees the old file or the
    new one. All may read the file, or only its owner where it is `private`. Raises OSError where the folder cannot be
    written.
    """
    path = Path(path)
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


def fetch(url: str, sha256: str, folder: str | os.PathLike[str]) -> Path:
    """Return the path of the file at `url`, downloaded into `folder` unless a good copy is there already.

    Shows a progress bar, and keeps the file only if its SHA-256 is `sha256`: never half a file, never another one.

    Raises:
        ValueError: what came has another checksum.
        ConnectionError: nothing came.
    """
    try:
        import pooch
        import requests
    except ImportError as error:
        how = "install pooch (pip install pooch tqdm)"
        raise ImportError(f"To download {url} {how}, or put the file into {folder} yourself.") from error
    folder, name = Path(folder), url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        bring = pooch.HTTPDownloader(progressbar=sys.stderr is not None, timeout=30)
        return Path(pooch.retrieve(url, known_hash=f"sha256:{sha256}", fname=name, path=folder, downloader=bring))
    except ValueError as error:
        problem = f"{url} sent another file than expected (SHA-256 is not {sha256[:12]}...), so it was thrown away"
        raise ValueError(f"{problem}. Try again; if it stays so, the source has changed: tell the course.") from error
    except requests.RequestException as error:
        ask = f"Check the network, or put the file into {folder} as {name} yourself."
        raise ConnectionError(f"{url} could not be downloaded ({type(error).__name__}). {ask}") from error
    except PermissionError as error:
        raise PermissionError(f"{folder} cannot be written, so {url} was not downloaded. Choose another.") from error
