"""Opens image files, and says what to do about one that cannot be read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


@contextlib.contextmanager
def opened(path: Path, if_missing: str, if_damaged: str) -> Iterator[Image]:
    """Open an image file, to be read within the `with` block.

    Args:
        path: the file.
        if_missing, if_damaged: what to do then, a sentence that ends the message.
    Raises:
        FileNotFoundError, ValueError: it is missing, or damaged.
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            yield file
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing. {if_missing}") from None
    except (OSError, SyntaxError) as error:  # Pillow raises the latter for a broken PNG
        raise ValueError(f"{path} is damaged ({error}). {if_damaged}") from error
