"""Opens image files, and says what to do about one that cannot be read."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image


@contextlib.contextmanager
def opened(path: Path, if_missing: str, if_damaged: str) -> Iterator[Image.Image]:
    """Open an image file, to be read within the `with` block.

    Args:
        path: the file.
        if_missing, if_damaged: what to do then, a sentence that ends the message.
    Raises:
        FileNotFoundError, ValueError: it is missing, or damaged.
    """
    try:
        with Image.open(path) as file:
            yield file
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing. {if_missing}") from None
    except (OSError, SyntaxError) as error:  # Pillow raises the latter for a broken PNG
        raise ValueError(f"{path} is damaged ({error}). {if_damaged}") from error
