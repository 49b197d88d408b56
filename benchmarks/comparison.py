"""The comparison of exercise 2 over several seeds: every network of its table trained for the same time.

    python -m benchmarks comparison --seeds 0 1 2 3 4 --rows "regression, equal time" softargmax
    DEEP_LEARNING_LAB_LEEDS=/path/to/lspet python -m benchmarks comparison --data leeds_sports

The code is that of the solution's cells, with another seed and perhaps another start, the same for all networks.
`--cpu-time` lets seconds of the processor count, for on a busy machine the clock would give one network more steps than
the other.
"""

from __future__ import annotations

import argparse
import contextlib

from benchmarks.cells import cpu_time, run_cells
from benchmarks.row import Row, print_rows

__all__ = ["main"]

EXERCISE = "ex02_softargmax"
COMMON = ("setup", "data", "gaussian-scoremaps", "argmax-decode", "softargmax", "SoftargmaxPose", "model",
          "map-network", "measure")  # fmt: skip
TRAINED_BY = {
    "regression, equal time": "regression-training",
    "scoremap + argmax": "scoremap-training",
    "softargmax": "training",
    "softargmax + map loss": "regularised-training",
    "hourglass + argmax": "hourglass-training",
}
DATA = ("rendered_people", "leeds_sports", "coco", "photo_pack")
STARTS = {
    "scratch": "helpers.small_backbone()",
    "baked": "helpers.fine_backbone(pretrained=True)",
    "ImageNet": "helpers.pretrainable_backbone(pretrained=True)",
}


def run(seed: int, rows: list[str], warped: float, data: str, start: str = "scratch") -> dict[str, dict[str, float]]:
    """Run the solution's cells for these rows with another seed, in a folder of its own, and return their numbers."""
    wanted = [*COMMON, *(["training"] if "softargmax + map loss" in rows and "softargmax" not in rows else [])]
    wanted += [TRAINED_BY[row] for row in TRAINED_BY if row in rows]
    changed = {"helpers.set_seed(1)": f"helpers.set_seed({seed})", "warped=0": f"warped={warped}"}
    changed |= {'DATA = "rendered_people"': f'DATA = "{data}"', STARTS["scratch"]: STARTS[start]}
    if "hourglass + argmax" in rows:
        changed |= {"HOURGLASS = False": "HOURGLASS = True"}
    names = run_cells(EXERCISE, wanted, changed)
    return {name.removesuffix(f", {data}"): numbers for name, numbers in names["results"].rows.items()}


def main(arguments: list[str]) -> int:
    """Print the numbers of every row for each seed, and how softargmax compares with regression."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks comparison")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--rows", nargs="+", choices=TRAINED_BY, default=["regression, equal time", "softargmax"])
    parser.add_argument("--warped", type=float, default=0, help="share of images turned and scaled, in all trainings")
    parser.add_argument("--data", choices=DATA, default=DATA[0], help="the notebook's word for what it trains on")
    parser.add_argument("--start", choices=STARTS, default="scratch", help="the backbone of all networks")
    parser.add_argument("--cpu-time", action="store_true", help="equal seconds of the processor, not of the clock")
    options = parser.parse_args(arguments)
    ratios = []
    for seed in options.seeds:
        with cpu_time() if options.cpu_time else contextlib.nullcontext():
            table = run(seed, options.rows, options.warped, options.data, options.start)
        for name, numbers in table.items():
            print(f"seed {seed}  {name:24}" + "  ".join(f"{k} {v:.4g}" for k, v in numbers.items()), flush=True)
        if {"regression, equal time", "softargmax"} <= table.keys():
            soft, regression = (table[name]["MPJPE"] for name in ("softargmax", "regression, equal time"))
            note = f"{soft:.2f} px against {regression:.2f} px, trained {table['softargmax']['seconds']:.0f} s each"
            ratios.append(Row(f"softargmax / regression, MPJPE, seed {seed}", soft / regression, 0.75, False, note))
    if ratios:
        print_rows(ratios)
    return 0
