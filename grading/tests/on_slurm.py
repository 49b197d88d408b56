"""Graders on Slurm nodes give the marks of one grader here: run it on a login node, in the course's environment.

    pip install dask-jobqueue
    python grading/tests/on_slurm.py --jobs 2

grades a small class of the toy course, first with one grader on this machine, then with graders that dask-jobqueue
starts through `sbatch`, and compares gradebooks, reports and graded notebooks. The class lies in this project's folder
meanwhile, which the nodes must see at the same path.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from kill_loop import a_small_class, outcome, start_over
from toy_course import PROJECT, make_course, nbgrader


def main() -> int:
    """Return 0 if nothing differs."""
    from dask_jobqueue import SLURMCluster

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=2, help="graders, each a Slurm job of one core (default: 2)")
    jobs = parser.parse_args().jobs
    (PROJECT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PROJECT / "build") as folder:
        root = make_course(Path(folder) / "course")
        a_small_class(root)
        here = _graded(root)
        start_over(root)
        with SLURMCluster(
            cores=1, processes=1, memory="4GB", walltime="02:00:00", log_directory=folder, job_name="grading"
        ) as cluster:
            cluster.scale(jobs=jobs)
            cluster.wait_for_workers(jobs, timeout=600)
            there = _graded(root, f"--Grading.scheduler={cluster.scheduler_address}")
    print("as graded here" if there == here else f"NOT as graded here:\n{here}\n{there}")
    return int(there != here)


def _graded(root: Path, *options: str) -> dict:
    started = time.monotonic()
    done = nbgrader(root, "autograde", "toy", *options)
    if done.returncode or "Traceback" in done.stderr:
        raise SystemExit(done.stderr)
    print(f"{' '.join(options) or 'one grader here'}: {time.monotonic() - started:.0f} s", flush=True)
    return outcome(root)


if __name__ == "__main__":
    sys.exit(main())
