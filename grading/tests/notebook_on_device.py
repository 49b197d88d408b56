"""Runs a solution notebook on a make-believe GPU, in small, and prints what each cell and each training step cost.

    python -m grading.tests.notebook_on_device ex02_softargmax

All cells run but those that check answers (a check computes on the CPU alone) and those that wait for a person or a
download. The sets are a few images, taken again and again, and a training is one epoch.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import linecache
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.cells import in_a_folder_of_its_own
from grading.course.release import EXERCISES
from helpers.files import ROOT
from helpers.tests import make_believe
from helpers.tests.steps import BATCH, Steps, on_the_device

WITHOUT = {"gallery", "explorer", "rcnn"}  # a person's knobs; a download
STEPS = 20  # in each training
FEW = 12  # images that are rendered for each set


def cells(exercise: str) -> list[tuple[str, str]]:
    """Return the id and the code of each cell that is run."""
    notebook = json.loads((ROOT / "solutions" / exercise / f"{exercise}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    wanted = [cell for cell in code if cell["id"] not in WITHOUT and not cell["id"].endswith("-check")]
    sources = {cell["id"]: "".join(cell["source"]) for cell in wanted}
    return [(name, source.replace("HOURGLASS = False", "HOURGLASS = True")) for name, source in sources.items()]


def small(load: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loader of the same name and few images, repeated."""

    def loaded(name: str, split: str, *_: Any, **options: Any) -> Any:
        if not name.startswith("rendered"):
            raise FileNotFoundError(f"{name} is not here")
        from helpers.data import rendered

        render = {"load_poses": rendered.rendered_people, "load_people": rendered.rendered_crowds}
        make = render.get(load.__name__, rendered.rendered_segmentation)
        return repeated(make)(split)

    return loaded


def repeated(render: Callable[..., Any]) -> Callable[..., Any]:
    """Return a renderer of a few images, repeated."""

    def rendered(split: str, count: int | None = None) -> Any:
        few = render(split, FEW, progress=False)
        shown = BATCH * STEPS if split == "train" else 44  # cells look at image 42
        return few[[number % FEW for number in range(shown)]]

    return rendered


def few_scenes(render: Callable[..., Any]) -> Callable[..., Any]:
    """Return `rendered_crowds` of a scene or two."""
    return lambda split, count, **options: render(split, min(count, 2), **options)


def run(exercise: str) -> dict[str, Any]:
    """Return what was seen: the totals of each training's steps, by cell, and the error that ended the run."""
    import matplotlib

    matplotlib.use("Agg")
    import helpers

    for name in ("load_poses", "load_people", "load_segmentation"):
        setattr(helpers, name, small(getattr(helpers, name)))
    helpers.rendered_crowds = few_scenes(helpers.rendered_crowds)
    helpers.rendered_instances = repeated(helpers.rendered_instances)
    found: dict[str, Any] = {"trainings": {}, "error": None}
    names: dict[str, Any] = {"__name__": "notebook"}
    with make_believe.accelerator() as seen, on_the_device(STEPS):
        for cell, source in cells(exercise):
            file = f"<{cell}>"
            linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
            steps = Steps(seen)
            try:
                with steps, contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(source, file, "exec"), names)
            except Exception as error:
                import traceback

                found["error"] = f"{cell}: {type(error).__name__}: {error}\n{traceback.format_exc()[-3000:]}"
                break
            if steps.taken:
                found["trainings"][cell] = steps.report()
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run in a folder of its own, with earlier exercises beside it."""
    parser = argparse.ArgumentParser(
        prog="python -m grading.tests.notebook_on_device", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("exercise", choices=EXERCISES, metavar="EXERCISE", help=f"of {', '.join(EXERCISES)}")
    exercise = parser.parse_args(arguments).exercise
    with in_a_folder_of_its_own(exercise):
        found = run(exercise)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
