"""Measure the checks on all cores, print the table, and write it to docs/checks.md."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from answer_bank import EXERCISES

from tools.check_the_checks.measures import MEASURES, PARTS, Found, measured
from tools.check_the_checks.sentence_table import sentence_table
from tools.check_the_checks.table import PAGE, goals, table, unlike, write_between


def measure(questions: Sequence[str], processes: int) -> tuple[dict[str, Found], dict[str, float]]:
    """Return what was found of each question, and the seconds of computing that it took."""
    tasks = [(q, name, part, PARTS[q]) for q in questions for name in MEASURES for part in range(PARTS[q])]
    tasks.sort(key=lambda task: -task[3])  # what takes long comes first
    found, seconds = {question: Found() for question in questions}, Counter[str]()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(measured, task) for task in tasks]
        for done, one in enumerate(as_completed(running), start=1):
            question, more, took = one.result()
            found[question] += more
            seconds[question] += took
            print(f"\r{done} of {len(tasks)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found, dict(seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if all is as it should be, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_the_checks", description=__doc__)
    parser.add_argument("questions", nargs="*", metavar="question", help="only these, and nothing is written")
    parser.add_argument("--sentences", action="store_true", help="write the table of sentences, and measure nothing")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args(arguments)
    unknown = set(asked.questions) - set(EXERCISES)
    if unknown:
        parser.error(f"no question is called {', '.join(sorted(unknown))}; there are {', '.join(EXERCISES)}")
    if not asked.questions:
        write_between("sentences", sentence_table())
    if asked.sentences:
        return 0
    began = time.perf_counter()
    found, seconds = measure(asked.questions or list(EXERCISES), asked.processes)
    counts = {question: one.counts for question, one in found.items()}
    text = table(counts, seconds) + unlike({question: one.unlike for question, one in found.items()})
    print(text)
    off = [f"{question}: {line}" for question, one in found.items() for line in one.off] + goals(counts)
    print("\n".join(off) or "Nothing is off.")
    print(f"{time.perf_counter() - began:.0f} s with {asked.processes} processes")
    if not asked.questions:
        write_between("figures", text + _said(off))
        print(f"wrote {PAGE}")
    return bool(off)


def _said(off: Sequence[str]) -> str:
    """Return what is off, for the page."""
    return "\nNothing is off.\n" if not off else "\nOff:\n\n" + "".join(f"* {line}\n" for line in off)


if __name__ == "__main__":
    sys.exit(main())
