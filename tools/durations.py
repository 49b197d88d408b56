"""What a run of the tests took: the notebooks, the slowest files and the slowest tests, from pytest's own records.

python -m tools.durations build/durations      (`make test` and `make test-full` end with it)
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

FILES, TESTS = 15, 25


def cases(path: Path) -> Iterator[tuple[str, str, float]]:
    """Give the file, the name and the seconds of every test in one record of pytest."""
    for case in ElementTree.parse(path).iter("testcase"):
        yield case.get("classname", ""), case.get("name", ""), float(case.get("time", 0))


def lines(folder: Path) -> Iterator[str]:
    """Give the lines of the summary, the slowest first."""
    records = {path.stem: list(cases(path)) for path in sorted(folder.glob("*.xml"))}
    tests = records.pop("tests", [])
    yield from (f"{sum(s for *_, s in cells):7.1f} s  {name}, {len(cells)} cells" for name, cells in records.items())
    by_file, number = Counter[str](), Counter(file for file, *_ in tests)
    for file, _, seconds in tests:
        by_file[file] += seconds
    yield from (f"{s:7.1f} s  {file}, {number[file]} tests" for file, s in by_file.most_common(FILES))
    slowest = sorted(tests, key=lambda case: -case[2])[:TESTS]
    yield from (f"{s:7.1f} s  {file.rpartition('.')[2]}::{name}" for file, name, s in slowest)


def main() -> None:
    """Write the summary beside the records and print it."""
    parser = argparse.ArgumentParser(prog="python -m tools.durations", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="with pytest's records: build/durations")
    folder = parser.parse_args().folder
    if not folder.is_dir():
        parser.error(f"there is no folder {folder}; `make test` writes build/durations")
    text = "\n".join(lines(folder))
    (folder / "summary.txt").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
