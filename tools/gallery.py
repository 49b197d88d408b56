"""Draw docs/gallery.md: pictures of the solution notebooks, from the cells that need no training.

    python -m tools.gallery [EXERCISE ...]     # all: two minutes; the first time the images are rendered, too

What a training draws is another picture on every machine, so it is not here. A developer's script, after a change of
a notebook or of helpers/pictures; look at what comes out.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
import re
import tempfile
from collections.abc import Sequence

import nbformat
from nbclient import NotebookClient
from PIL import Image

from helpers.files import ROOT

PAGE = ROOT / "docs" / "gallery.md"
FOLDER = ROOT / "docs" / "pictures" / "gallery"
WIDTH = 1000  # pixels, at most
LEFT_OUT = re.compile(r"helpers\.fit\(|train_network\(|load_mask_rcnn")  # trainings, and what wants a network
PICTURE = re.compile(r'<img [^>]*?alt="([^"]*)" src="data:image/png;base64,([^"]+)"')
INTRODUCTION = """# What the exercises draw

Pictures to compare yours with: drawn by the solution notebooks before any training, with right answers. What a training
draws is another picture on every machine. Under each stands its text, which the notebook gives to whoever cannot see
it. `python -m tools.gallery` made all of them."""
CHOSEN = {  # by exercise: title, and the cells whose first picture is shown, each with a sentence
    "ex00_start_here": ("Start here", {"scene": "A scene and its labels: what all exercises are made of."}),
    "ex01_pose_regression": (
        "Pose regression",
        {
            "data": "What the network sees, and the poses that it should find.",
            "mean-pose": "The same pose for everybody: what a network has to beat.",
        },
    ),
    "ex02_softargmax": (
        "Softargmax",
        {
            "target-pictures": "One map for each keypoint, in place of two numbers.",
            "square-or-not-picture": "Why a Gaussian needs its square: the printed formula has a spike and wide tails.",
            "quantisation-floor": "What an argmax loses on perfect maps, by their size.",
            "explorer": "The temperature explorer, with sliders in the notebook: scores, softmax, gradient.",
        },
    ),
    "ex03_segmentation": (
        "Segmentation",
        {
            "data": "Images and their masks; what is void counts nowhere.",
            "three-kinds": "Three kinds of masks of one scene.",
            "matrix-pictures": "A convolution as a matrix: each row is the kernel at one place.",
            "checkerboards": "What a transposed convolution makes of a map without any pattern.",
        },
    ),
    "ex04_multi_person": (
        "Several people",
        {
            "data": "Two to four people in each scene.",
            "target-scoremaps": "Bottom-up: a peak for each person in each keypoint's map.",
            "target-fields": "Part affinity fields point along the limbs.",
            "candidates": "Whose elbow, whose wrist? The field along each pair gives its score.",
            "perfect-people": "People, grouped from the target maps alone.",
        },
    ),
    "ex05_instances": (
        "Whose pixel is it?",
        {
            "pieces-of-the-truth": "Connected pieces of a perfect mask: people who touch are one.",
            "offsets-of-the-truth": "Every pixel points at its own person's centre.",
        },
    ),
}


def drawn(exercise: str, cells: list[str]) -> dict[str, tuple[str, Image.Image]]:
    """Return text and picture by cell, of the solution notebook run without its trainings and checks.

    Raises RuntimeError: a cell drew nothing.
    """
    notebook = nbformat.read(ROOT / "solutions" / exercise / f"{exercise}.ipynb", as_version=4)
    last = max(place for place, cell in enumerate(notebook.cells) if cell.id in cells)
    notebook.cells = [cell for cell in notebook.cells[: last + 1] if _is_run(cell)]
    with tempfile.TemporaryDirectory() as folder:  # where results and weights go
        NotebookClient(notebook, timeout=900, allow_errors=True, resources={"metadata": {"path": folder}}).execute()
    found = {}
    for cell in notebook.cells:
        if cell.id in cells:
            shown = [PICTURE.search("".join(out.get("data", {}).get("text/html", ""))) for out in cell.outputs]
            if not any(shown):
                raise RuntimeError(f"{exercise}: the cell {cell.id} drew nothing: {cell.outputs}")
            text, data = next(one for one in shown if one).groups()
            found[cell.id] = (html.unescape(text), Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    return found


def page(texts: dict[str, str]) -> str:
    """Return docs/gallery.md, from the text of each picture by the name of its file."""
    lines = [INTRODUCTION]
    for exercise, (title, cells) in CHOSEN.items():
        lines += ["", f"## {title}"]
        for cell, sentence in cells.items():
            name = f"{exercise}-{cell}.webp"
            if name in texts:
                lines += ["", sentence, "", f"![{texts[name]}](pictures/gallery/{name})", "", f"*{texts[name]}*"]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the pictures of these exercises, or of all, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tools.gallery", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", help=f"of {', '.join(CHOSEN)}; default: all")
    exercises = parser.parse_args(arguments).exercises
    if unknown := [exercise for exercise in exercises if exercise not in CHOSEN]:
        parser.error(
            f"no cells are chosen of {', '.join(unknown)}; there are {', '.join(CHOSEN)}. A new exercise gets an entry "
            "in CHOSEN of tools/gallery.py: its title, and the cells whose pictures are shown."
        )
    FOLDER.mkdir(parents=True, exist_ok=True)
    before = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    texts = {name: text for text, name in re.findall(r"!\[(.*?)\]\(pictures/gallery/(\S+?)\)", before)}
    for exercise in exercises or CHOSEN:
        for cell, (text, image) in drawn(exercise, list(CHOSEN[exercise][1])).items():
            image.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.LANCZOS)
            path = FOLDER / f"{exercise}-{cell}.webp"
            image.save(path, quality=80, method=6)
            texts[path.name] = text.translate(str.maketrans("[]", "()"))
            print(path.relative_to(ROOT), image.size, f"{path.stat().st_size / 1000:.0f} kB", flush=True)
        PAGE.write_text(page(texts), encoding="utf-8")


def _is_run(cell: nbformat.NotebookNode) -> bool:
    """Return whether a cell is needed: code that neither trains, nor checks, nor downloads."""
    about = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and not (about.get("grade") or LEFT_OUT.search(cell.source))


if __name__ == "__main__":
    main()
