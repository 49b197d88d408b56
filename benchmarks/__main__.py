"""`python -m benchmarks`: the ratios. With the name of one, that one alone; with autograde, comparison, instances,
leeds, multi_person, notebooks, regression, scale, segmentation, slow_machine or starts: a longer run. `--json` keeps
the rows as benchmarks/results/NAME.json, `--json=OTHER` as OTHER.json."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterable

from benchmarks import (
    autograde,
    comparison,
    gaussian,
    grouping,
    importing,
    instances,
    leeds,
    mean_iou,
    multi_person,
    notebooks,
    people,
    regression,
    scale,
    segmentation,
    slow_machine,
    softargmax,
    starts,
    target_maps,
    training,
)
from benchmarks.record import RESULTS, Record
from benchmarks.row import Row, print_rows, printed

RATIOS = {
    module.__name__.split(".")[1]: module
    for module in (importing, people, gaussian, softargmax, mean_iou, grouping, training, target_maps, autograde, scale)
}
LONGER = {
    "autograde": autograde.main,
    "comparison": comparison.main,
    "instances": instances.main,
    "leeds": leeds.main,
    "multi_person": multi_person.main,
    "notebooks": notebooks.main,
    "regression": regression.main,
    "scale": scale.main,
    "segmentation": segmentation.main,
    "starts": starts.main,
    "slow_machine": slow_machine.main,
}


def main(arguments: list[str]) -> int:
    """Run the named measurement, or all ratios, and keep what it printed where `--json` asks for it."""
    asked = [text for text in arguments if re.fullmatch(r"--json(=[\w-]+)?", text)]
    rest = [text for text in arguments if text not in asked]
    status = run(rest)
    if asked:
        name = asked[-1].partition("=")[2] or (rest[0] if rest else "ratios")
        Record.of_today(shlex.join(["python", "-m", "benchmarks", *rest]), printed).write(RESULTS / f"{name}.json")
        print(f"kept in benchmarks/results/{name}.json")
    return status


def run(arguments: list[str]) -> int:
    """Run the named measurement, or all ratios."""
    name, *options = arguments or [""]
    if name in LONGER:
        return LONGER[name](options)
    if name in RATIOS:
        described = RATIOS[name].__doc__
        argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=described).parse_args(options)
        return measure([name])
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = sorted({*RATIOS, *LONGER})
    parser.add_argument("name", nargs="?", choices=names, metavar="NAME", help=", ".join(names))
    parser.parse_args(arguments)
    return measure(RATIOS)


def measure(names: Iterable[str]) -> int:
    """Print the rows of these ratios."""
    rows: list[Row] = []
    for name in names:
        print(f"measuring {name} ...", flush=True)
        rows += RATIOS[name].rows()
    print_rows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
