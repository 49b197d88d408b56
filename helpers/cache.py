"""Files that are written whole or not at all: the cache of rendered images, and downloads."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

VARIABLE = "DEEP_LEARNING_LAB_CACHE"


@contextlib.contextmanager
def atomically(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`; it takes the place of `path` when the block ends well, else it is removed.

    So an interrupt or a full disk never leaves half a file under the real name, and a reader sees the old file or the
    new one. Raises OSError where the folder cannot be written.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with contextlib.suppress(OSError):  # mkstemp makes files private; ours are as readable as any other
            part.chmod(0o644)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def folders() -> list[Path]:
    """Return the folders where cached files may be, the preferred one first.

    The environment variable DEEP_LEARNING_LAB_CACHE names one folder and nothing else is tried; otherwise data/cache of
    the repository, then the user's cache folder.
    """
    if os.environ.get(VARIABLE):
        return [Path(os.environ[VARIABLE]).expanduser()]
    repository = Path(__file__).resolve().parent.parent
    homes = {"win32": os.environ.get("LOCALAPPDATA", "~/AppData/Local"), "darwin": "~/Library/Caches"}
    home = homes.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return [repository / "data" / "cache", Path(home).expanduser() / "deep-learning-lab"]


def load(name: str, made_from: str, where: list[Path] | None = None) -> dict[str, Tensor] | None:
    """Return the tensors stored under `name`, or None where there are none that can be used.

    A file that is damaged, or was made from something else than `made_from` says, is passed over with a sentence.
    """
    from safetensors import SafetensorError, safe_open

    for folder in where or folders():
        path = folder / f"{name}.safetensors"
        try:
            if not path.is_file():
                continue
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("made_from") != made_from:
                    print(f"{path} was made by another version of the renderer; it is made again.")
                    continue
                tensors = {key: file.get_tensor(key) for key in file.keys()}
            if metadata.get("sha256") == checksum(tensors):
                return tensors
            print(f"{path} is damaged (its checksum differs); it is made again.")
        except (SafetensorError, OSError, ValueError) as error:
            print(f"{path} cannot be read ({error}); it is made again.")
    return None


def store(name: str, made_from: str, tensors: dict[str, Tensor], where: list[Path] | None = None) -> Path | None:
    """Store `tensors` under `name` in the first folder that can be written; return its path, or None and say why."""
    from safetensors.torch import save_file

    metadata = {"made_from": made_from, "sha256": checksum(tensors)}
    reasons = []
    for folder in where or folders():
        path = folder / f"{name}.safetensors"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with atomically(path) as part:
                save_file(tensors, part, metadata)
            return path
        except OSError as error:
            reasons.append(f"{folder}: {error.strerror or error}")
    print(
        f"The images cannot be kept on disk ({'; '.join(reasons)}), so the next start makes them again. "
        f"Set {VARIABLE} to a folder that you can write to keep them."
    )
    return None


def checksum(tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 of names, dtypes, shapes and contents, whatever the order of the dictionary."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()


def fetch(url: str, sha256: str, folder: str | os.PathLike) -> Path:
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
        raise ImportError(
            f"To download {url} install pooch (pip install pooch tqdm), or put the file into {folder} yourself."
        ) from error
    folder, name = Path(folder), url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        bring = pooch.HTTPDownloader(progressbar=sys.stderr is not None, timeout=30)
        return Path(pooch.retrieve(url, known_hash=f"sha256:{sha256}", fname=name, path=folder, downloader=bring))
    except ValueError as error:
        raise ValueError(
            f"{url} sent another file than expected (SHA-256 is not {sha256[:12]}...), so it was "
            "thrown away. Try again; if it stays so, the source has changed: tell the course."
        ) from error
    except requests.RequestException as error:
        raise ConnectionError(
            f"{url} could not be downloaded ({type(error).__name__}). Check the network, or put the "
            f"file into {folder} as {name} yourself."
        ) from error
    except PermissionError as error:
        raise PermissionError(f"{folder} cannot be written, so {url} was not downloaded. Choose another.") from error
