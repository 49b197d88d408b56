"""Top-down and bottom-up of exercise 4 over several seeds, on held-out scenes; longer training by one option.

    python -m benchmarks multi_person --seeds 0 1 2 --seconds 75
    python -m benchmarks multi_person --seeds 0 --seconds 400

The code is that of the solution's cells, with another seed and perhaps more time and more images.
"""

from __future__ import annotations

import argparse

from benchmarks.cells import run_cells
from benchmarks.row import Row, print_rows

__all__ = ["main"]

EXERCISE = "ex04_multi_person"
CELLS = ("setup", "data", "shaken-truth", "train-detector", "boxes-to-crops", "crops", "crops-to-image",
         "train-pose-cell", "top-down-people", "find-peaks", "part-affinity-fields",
         "affinity-score", "match-limbs", "group-people", "model", "training", "add-offsets",
         "offset-gain")  # fmt: skip
REACH = {"top-down": 0.63, "bottom-up": 0.60}


def run(seed: int, seconds: float, images: int | None) -> dict[str, dict[str, float]]:
    """Train everything with another seed and return the rows of the table."""
    changed = {
        "SECONDS = 75": f"SECONDS = {seconds}",
        "helpers.set_seed(1)": f"helpers.set_seed({seed})",
        "helpers.load_people(DATA, split)": "helpers.load_people("
        f'DATA, split, count={images} if split == "train" else None, progress=False)',
    }
    return run_cells(EXERCISE, CELLS, changed)["results"].rows


def main(arguments: list[str]) -> int:
    """Print the AP of both ways for each seed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks multi_person")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--seconds", type=float, default=75, help="of training, for each pose network; the detector keeps its 40"
    )
    parser.add_argument("--images", type=int, help="training images; default: as in the notebook")
    options = parser.parse_args(arguments)
    found = []
    for seed in options.seeds:
        for name, numbers in run(seed, options.seconds, options.images).items():
            shown = "  ".join(f"{measure} {value:.3f}" for measure, value in numbers.items())
            print(f"seed {seed}  {name:24}{shown}", flush=True)
            if name in REACH:
                note = f"one round of {options.seconds:g} s for each network, from the same start"
                found.append(Row(f"{name}, AP on held-out scenes, seed {seed}", numbers["AP"], REACH[name], note=note))
    print_rows(found)
    return 0
