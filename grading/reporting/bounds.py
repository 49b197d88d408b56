"""How much of a student's a graded notebook shows: it is read by people, and rendered by whatever opens it.

What is beyond is left out, with a sentence in its place; the whole lies in what was handed in.
"""

from __future__ import annotations

import base64
import io
import warnings
from typing import Any

from grading.submission.roles import CellData, NotebookData, nbgrader_of

__all__ = ["bound"]

MOST_CELL, MOST_OWN, MOST_PRINTED = 50_000, 500_000, 500_000  # characters: a cell, all cells of their own, all outputs
MOST_OUTPUTS, MOST_LINES, MOST_COLOURS = 1_000, 20_000, 5_000  # of all outputs
MOST_PIXELS, MOST_PIXELS_IN_ALL = 40_000_000, 160_000_000  # of a picture, which has four bytes for each in a browser
LEFT_OUT = "[what comes here is left out: see what was handed in]"
COLOUR = "\x1b["


def bound(notebook: NotebookData) -> None:
    """Shorten what the student wrote, printed and drew in `notebook` to what a page can hold."""
    own, shown = MOST_OWN, _Shown()
    for cell in notebook["cells"]:
        has_name = bool(nbgrader_of(cell).get("grade_id"))
        _shorten(cell, MOST_CELL if has_name else min(MOST_CELL, max(own, 0)))
        own -= 0 if has_name else len(cell["source"])
        if "outputs" in cell:
            cell["outputs"] = [bounded for output in cell["outputs"] if (bounded := shown.bounded(output))]


def _shorten(cell: CellData, most: int) -> None:
    if len(cell["source"]) > most:
        sign = "# " if cell["cell_type"] == "code" else ""
        cell["source"] = f"{cell['source'][:most]}\n\n{sign}{LEFT_OUT}"


class _Shown:
    """What the outputs of one notebook may still hold."""

    def __init__(self) -> None:
        self.outputs, self.characters, self.lines = MOST_OUTPUTS, MOST_PRINTED, MOST_LINES
        self.colours, self.pixels = MOST_COLOURS, MOST_PIXELS_IN_ALL

    def bounded(self, output: Any) -> Any:
        """Return an output as it may be shown; None where there were enough."""
        self.outputs -= 1
        if self.outputs < 0:
            return _printed(LEFT_OUT) if self.outputs == -1 else None
        if pictures := output.get("data"):
            return output if all(map(self._small, pictures.values())) else _printed(LEFT_OUT)
        return _printed(self._text(output["text"]))

    def _text(self, text: str) -> str:
        shown = "".join(text[: max(self.characters, 0)].splitlines(keepends=True)[: max(self.lines, 0)])
        self.characters -= len(text)
        self.lines -= text.count("\n") + 1
        self.colours -= text.count(COLOUR)
        if self.colours < 0:
            shown = shown.replace(COLOUR, "[")
        return shown if len(shown) == len(text) or self.colours < 0 else f"{shown}\n{LEFT_OUT}\n"

    def _small(self, picture: str) -> bool:
        pixels = _pixels(picture)
        self.pixels -= pixels
        return pixels <= MOST_PIXELS and self.pixels >= 0


def _printed(text: str) -> dict[str, str]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def _pixels(picture: str) -> int:
    """Return how many pixels a picture has in all its frames; more than any may have where it cannot be read."""
    from PIL import Image  # only where there are pictures

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs, which is what is asked
            with Image.open(io.BytesIO(base64.b64decode(picture)), formats=("PNG", "JPEG")) as found:
                return found.width * found.height * int(getattr(found, "n_frames", 1))
    except Exception:
        return MOST_PIXELS + 1
