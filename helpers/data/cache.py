"""The cache of images that were rendered or decoded: one checksummed file for each set."""

import hashlib
import os
import sys
from pathlib import Path

from torch import Tensor

from helpers.files import ROOT, atomically

VARIABLE = "DEEP_LEARNING_LAB_CACHE"


def folders() -> list[Path]:
    """Return the folders where cached files may be, the preferred one first: the one that DEEP_LEARNING_LAB_CACHE names
    and no other; else data/cache of the course's folder, which an installed copy lacks, and the user's cache folder."""
    if os.environ.get(VARIABLE):
        return [Path(os.environ[VARIABLE]).expanduser()]
    homes = {"win32": os.environ.get("LOCALAPPDATA", "~/AppData/Local"), "darwin": "~/Library/Caches"}
    home = homes.get(sys.platform) or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return [ROOT / "data" / "cache"][: (ROOT / "data").is_dir()] + [Path(home).expanduser() / "deep-learning-lab"]


def load(name: str, made_from: str, where: list[Path] | None = None) -> dict[str, Tensor] | None:
    """Return the tensors stored under `name`, or None. A file that is damaged, or was made from something else than
    `made_from` says, is passed over with a sentence."""
    from safetensors import SafetensorError, safe_open

    for folder in where or folders():
        path = folder / f"{name}.safetensors"
        try:
            if not path.is_file():
                continue
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("made_from") != made_from:
                    print(f"{path} was made by another version of the course; it is made again.")
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
    from safetensors import SafetensorError
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
        except (OSError, SafetensorError) as error:  # the latter of a full disk
            reasons.append(f"{folder}: {getattr(error, 'strerror', None) or error}")
    what_to_do = f"Set {VARIABLE} to a folder that you can write to keep them."
    print(f"The images cannot be kept on disk ({'; '.join(reasons)}), so the next start makes them again. {what_to_do}")
    return None


def checksum(tensors: dict[str, Tensor]) -> str:
    """Return the SHA-256 of names, dtypes, shapes and contents, whatever the order of the dictionary."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()
