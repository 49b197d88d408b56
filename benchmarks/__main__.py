"""`python -m benchmarks`: the ratios. `python -m benchmarks regression | comparison | leeds`: the longer runs."""

from __future__ import annotations

import sys

from benchmarks import autograde, comparison, gaussian, importing, leeds, people, regression, softargmax, training
from benchmarks.row import print_rows

LONGER = {"comparison": comparison.main, "regression": regression.main, "leeds": leeds.main}


def main(arguments: list[str]) -> int:
    """Run the named longer measurement, or all short ones."""
    if arguments:
        if arguments[0] not in LONGER:
            print(f"no such measurement: {arguments[0]}; there are {', '.join(LONGER)}, or none for the ratios")
            return 2
        return LONGER[arguments[0]](arguments[1:])
    rows = []
    for module in (importing, people, gaussian, softargmax, training, autograde):
        print(f"measuring {module.__name__.split('.')[1]} ...", flush=True)
        rows += module.rows()
    print_rows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
