"""README's figures that link to a file in benchmarks/results say what lies there, and every file there is shown."""

import contextlib
import json
import os
import re
from urllib.parse import unquote

import pytest
from nbclient.exceptions import CellExecutionError

from benchmarks import __main__ as command
from benchmarks import (
    cells,
    comparison,
    instances,
    multi_person,
    notebooks,
    row,
    segmentation,
    slow_machine,
    target_maps,
)
from benchmarks.record import RESULTS, Record, machine
from benchmarks.row import Row, print_rows
from helpers.files import ROOT

LINK = re.compile(r"\]\(benchmarks/results/([\w-]+)\.json(?:#([^)]*))?\)")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def linked(readme):
    """Return the lines of README's tables that link to results: (name, part of `what`, cells)."""
    found = []
    for line in readme.splitlines():
        if line.startswith("|") and (link := LINK.search(line)):
            found.append((link[1], unquote(link[2] or ""), [cell.strip() for cell in line.strip("|").split("|")]))
    return found


def faults(record, part, cells):
    """Return what a line of the table says otherwise than the record: values first, then any other number."""
    _, measured, reach, command = cells
    rows = [found for found in record.rows if part in found.what]
    told, wrong = NUMBER.findall(measured), []
    for found in rows:
        if f"{found.value:.3g}" not in told:
            wrong.append(f"{found.what} is {found.value:.3g}, which is not told")
        if f"{found.reach:.3g}" not in NUMBER.findall(reach):
            wrong.append(f"{found.what} should reach {found.reach:.3g}, which is not told")
    known = {f"{found.value:.3g}" for found in rows}
    known.update(*(NUMBER.findall(f"{found.what} {found.note}") for found in rows))
    wrong += [f"{number} is told, but was not measured" for number in told if number not in known]
    if f"{record.command}`" not in command:
        wrong.append(f"it was measured by `{record.command}`")
    return wrong if rows else [f"no row holds {part!r}"]


README = linked((ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "part", "cells"), README, ids=[f"{name}-{part}" for name, part, _ in README])
def test_the_readme_says_what_was_measured(name, part, cells):
    assert faults(Record.read(RESULTS / f"{name}.json"), part, cells) == []


def test_every_result_is_shown_whole():
    shown = {name for name, *_ in README}
    assert shown == {path.stem for path in RESULTS.glob("*.json")}
    for name in shown:
        for found in Record.read(RESULTS / f"{name}.json").rows:
            assert any(part in found.what for other, part, _ in README if other == name), f"{name}: {found.what}"


ROWS = [Row("ours / theirs, seed 0", 1.234, 1, note="3 trainings of 80 s"), Row("memory", 0.5, 0.8, at_least=False)]
RECORD = Record("python -m benchmarks toy", "2026-01-02", "two cores", ROWS)
LINE = "| ours against theirs | {} | {} | `{}` ([file](benchmarks/results/toy.json{})) |"


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (("1.23 (80 s)", "1", "python -m benchmarks toy", "#ours"), []),
        (("1.23, and 0.5", "1, 0.8", "python -m benchmarks toy", ""), []),
        (("1.24", "1", "python -m benchmarks toy", "#ours"),
         ["ours / theirs, seed 0 is 1.23, which is not told", "1.24 is told, but was not measured"]),
        (("1.23", "2", "python -m benchmarks toy", "#ours"),
         ["ours / theirs, seed 0 should reach 1, which is not told"]),
        (("1.23", "1", "make bench", "#ours"), ["it was measured by `python -m benchmarks toy`"]),
        (("1.23", "1", "python -m benchmarks toy", "#no%20such"), ["no row holds 'no such'"]),
    ],
    ids=["right", "whole", "value", "reach", "command", "part"],
)  # fmt: skip
def test_a_line_that_differs_is_found(line, wrong):
    [(name, part, cells)] = linked(LINE.format(*line))
    assert name == "toy" and faults(RECORD, part, cells) == wrong


def test_json_keeps_what_was_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(row, "printed", [])
    monkeypatch.setattr(command, "printed", row.printed)
    monkeypatch.setitem(command.LONGER, "toy", lambda options: print_rows(ROWS) or len(options))
    assert command.main(["toy", "--seeds", "0 1", "--json"]) == 2
    record = Record.read(tmp_path / "results" / "toy.json")
    assert record.rows == ROWS and record.command == "python -m benchmarks toy --seeds '0 1'"
    assert "cores" in record.machine
    assert "kept in benchmarks/results/toy.json" in capsys.readouterr().out
    assert command.main(["toy", "--json=other"]) == 0 and (tmp_path / "results" / "other.json").is_file()
    assert json.loads((tmp_path / "results" / "other.json").read_text())["date"].startswith("20")


def test_without_json_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    monkeypatch.setitem(command.LONGER, "toy", lambda options: 0)
    assert command.main(["toy"]) == 0 and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "run",
    [
        lambda: comparison.run(3, list(comparison.TRAINED_BY), 0.5, "leeds_sports", "baked"),
        lambda: comparison.run(3, ["regression, equal time", "softargmax"], 0, "rendered_people"),
        lambda: segmentation.run(3, "camvid", [*segmentation.TRAINED_BY, "smp"], weighted=True),
        lambda: multi_person.run(3, 10, 64),
        lambda: instances.run(3),
        target_maps.rows,
    ],
    ids=["comparison", "two rows", "segmentation", "multi_person", "instances", "target_maps"],
)
def test_what_a_measurement_changes_stands_in_the_notebook(run, monkeypatch):
    """Where the text is another one, something else would be measured, and nobody would see it."""
    ran = []
    monkeypatch.setattr(cells, "exec", lambda code, names: ran.append(compile(code, "cells", "exec")), raising=False)
    with contextlib.suppress(KeyError):  # what cells would have defined
        run()
    assert len(ran) == 1


def test_a_change_of_a_text_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="ex02_softargmax says 'warped=1' in none of these cells"):
        cells.code_of("ex02_softargmax", ["data"], {"warped=1": "warped=0"})


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a process is held to one core on Linux alone")
def test_a_neighbour_shares_one_core_and_is_gone_afterwards():
    before = os.sched_getaffinity(0)
    with slow_machine.one_core_with_neighbour() as neighbour:
        assert len(os.sched_getaffinity(0)) == 1 and neighbour.poll() is None
        assert os.sched_getaffinity(neighbour.pid) == os.sched_getaffinity(0)
    assert os.sched_getaffinity(0) == before and neighbour.poll() is not None


@pytest.mark.filterwarnings("default")  # jupyter_client's, of a kernel on loopback
def test_a_timed_notebook_is_run_to_the_cell_named_with_the_helpers_of_its_bundle(tmp_path):
    took = notebooks.executed("ex00_start_here", tmp_path, ROOT, last="machine-report")
    assert list(took) == ["setup", "machine-report"] and min(took.values()) > 0
    (tmp_path / "helpers.py").write_text("raise OSError('the helpers of the bundle')")
    with pytest.raises(CellExecutionError, match="the helpers of the bundle"):
        notebooks.executed("ex00_start_here", tmp_path, tmp_path)


def test_the_machine_is_told_in_words():
    assert re.search(r"\d+ cores, load \S+ at the end, .+, torch \d", machine())
