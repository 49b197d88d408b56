"""Exercise 5 over several seeds: panoptic quality by pieces, nearest centres and offsets, and where pixels go wrong.

    python -m benchmarks instances --seeds 0 1 2
    python -m benchmarks instances --seeds 0 1 2 --cpu-time

The code is that of the solution's cells, with another seed. The shares are of the pixels that show somebody in truth
and in the prediction, by their distance from the nearest pixel of another person. `--cpu-time` lets seconds of the
processor count, those of all threads together.
"""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

from benchmarks.cells import cpu_time, run_cells
from benchmarks.row import Row, print_rows

__all__ = ["main"]

EXERCISE = "ex05_instances"
CELLS = ("setup", "data", "pieces", "pieces-of-the-truth", "offset-targets", "offsets-of-the-truth", "group-pixels",
         "centres", "people-of", "panoptic-quality", "ceiling", "network", "loss", "targets", "training", "by-distance",
         "plot-by-distance")  # fmt: skip
BY_OFFSETS, BY_PIECES = "offsets, of the network", "pieces, of the network"
REACH_PQ, REACH_GAIN = 0.7, 0.3  # what the text of the exercise says that a minute's training shows


def run(seed: int) -> dict[str, Any]:
    """Run the cells with another seed and return what they have defined."""
    return run_cells(EXERCISE, CELLS, {"helpers.set_seed(1)": f"helpers.set_seed({seed})"})


def main(arguments: list[str]) -> int:
    """Print the table of each seed, the shares of wrong pixels, and what offsets gain over pieces."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks instances")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--cpu-time", action="store_true", help="seconds of the processor, not of the clock")
    options = parser.parse_args(arguments)
    found = []
    for seed in options.seeds:
        with cpu_time() if options.cpu_time else contextlib.nullcontext():
            names = run(seed)
        quality = {name: numbers["PQ"] for name, numbers in names["results"].rows.items()}
        print(f"seed {seed}  PQ  " + "  ".join(f"{name} {value:.3f}" for name, value in quality.items()))
        print(f"  wrong, {' '.join(f'{low}+' for low in names['edges'][:-1])} pixels from another person:")
        for name, shares in names["shares"].items():
            print(f"  {name:16}" + " ".join(f"{share:.3f}" for share in shares), flush=True)
        note = f"{len(names['history'])} epochs in {names['history'].seconds:.0f} s"
        gain = quality[BY_OFFSETS] - quality[BY_PIECES]
        found += [
            Row(f"{BY_OFFSETS}, PQ, seed {seed}", quality[BY_OFFSETS], REACH_PQ, note=note),
            Row(f"{BY_OFFSETS} - pieces, PQ, seed {seed}", gain, REACH_GAIN),
        ]
    print_rows(found)
    return 0
