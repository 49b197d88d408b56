"""`python -m benchmarks`: the ratios. With autograde, comparison, leeds, multi_person, regression, scale or
segmentation: a longer run."""

from __future__ import annotations

import sys

from benchmarks import (
    autograde,
    comparison,
    gaussian,
    grouping,
    importing,
    leeds,
    mean_iou,
    multi_person,
    people,
    regression,
    scale,
    segmentation,
    softargmax,
    training,
)
from benchmarks.row import print_rows

LONGER = {
    "autograde": autograde.main,
    "comparison": comparison.main,
    "leeds": leeds.main,
    "multi_person": multi_person.main,
    "regression": regression.main,
    "scale": scale.main,
    "segmentation": segmentation.main,
}


def main(arguments: list[str]) -> int:
    """Run the named longer measurement, or all short ones."""
    if arguments:
        if arguments[0] not in LONGER:
            print(f"no such measurement: {arguments[0]}; there are {', '.join(LONGER)}, or none for the ratios")
            return 2
        return LONGER[arguments[0]](arguments[1:])
    rows = []
    for module in (importing, people, gaussian, softargmax, mean_iou, grouping, training, autograde, scale):
        print(f"measuring {module.__name__.split('.')[1]} ...", flush=True)
        rows += module.rows()
    print_rows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
