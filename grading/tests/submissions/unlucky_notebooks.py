"""Honest work in notebooks that something happened to: it keeps every point."""

from __future__ import annotations

import copy
import json
from typing import Any

from grading.sample_submissions.handing_in import scratch
from grading.submission.roles import is_answer
from submissions.exercise import Exercise, HandedIn, code, with_scratch


def perfect(ex: Exercise) -> HandedIn:
    """The reference answers, with nothing odd about them."""
    return ex.handed_in(ex.filled())


def untouched(ex: Exercise) -> HandedIn:
    """The notebook as it was released, without weights, deserves nothing."""
    return HandedIn(ex.nothing, copy.deepcopy(dict(ex.release)), {})


def _checks(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for c in notebook["cells"] if str(_name(c)).endswith("_check")]


def _name(cell: dict[str, Any]) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def checks_copied(ex: Exercise) -> HandedIn:
    """Every check cell stands there twice, with the same name and the same id."""
    notebook = ex.filled()
    notebook["cells"] += copy.deepcopy(_checks(notebook))
    return ex.handed_in(notebook)


def answers_copied(ex: Exercise) -> HandedIn:
    """The first answer's cell was copied before it was filled in; the untouched copy stands below."""
    notebook = ex.filled()
    notebook["cells"].append(copy.deepcopy(ex.cell(dict(ex.release), ex.first)))
    return ex.handed_in(notebook)


def checks_deleted(ex: Exercise) -> HandedIn:
    """All check cells were deleted."""
    notebook = ex.filled()
    gone = _checks(notebook)
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in gone]
    return ex.handed_in(notebook)


def checks_renamed(ex: Exercise) -> HandedIn:
    """All check cells lost their names."""
    notebook = ex.filled()
    for number, cell in enumerate(_checks(notebook)):
        cell["metadata"]["nbgrader"]["grade_id"] = f"cell-{number}"
    return ex.handed_in(notebook)


def cells_retyped(ex: Exercise) -> HandedIn:
    """Check cells became Markdown, and answers raw text."""
    notebook = ex.filled()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and _name(cell):
            cell["cell_type"] = "raw" if is_answer(cell) else "markdown"
            del cell["outputs"], cell["execution_count"]
    return ex.handed_in(notebook)


def names_of_two_answers_swapped(ex: Exercise) -> HandedIn:
    """Two answers carry each other's names, as after copying and pasting between cells."""
    notebook = ex.filled()
    one, other = ex.cell(notebook, ex.first), ex.cell(notebook, ex.second)
    one["source"], other["source"] = other["source"], one["source"]
    return ex.handed_in(notebook)


def all_metadata_lost(ex: Exercise) -> HandedIn:
    """Another editor left out the metadata of all cells."""
    notebook = ex.filled()
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    return ex.handed_in(notebook)


def metadata_and_ids_lost(ex: Exercise) -> HandedIn:
    """Another editor left out the metadata and the ids of all cells."""
    notebook = ex.filled()
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id")
    return ex.handed_in(notebook)


def unknown_kernel(ex: Exercise) -> HandedIn:
    """The kernel is one that nobody else has."""
    notebook = ex.filled()
    notebook["metadata"]["kernelspec"] = {
        "name": "my-env-3.14",
        "display_name": "My env (ümläut)",
        "language": "python",
    }
    return ex.handed_in(notebook)


def no_metadata_at_all(ex: Exercise) -> HandedIn:
    """The notebook has no metadata and no format number."""
    return ex.handed_in({"cells": ex.filled()["cells"]})


def answers_below_their_checks(ex: Exercise) -> HandedIn:
    """All answers stand at the end, in reverse order."""
    notebook = ex.filled()
    answers = [cell for cell in notebook["cells"] if is_answer(cell)]
    notebook["cells"] = [cell for cell in notebook["cells"] if cell not in answers] + answers[::-1]
    return ex.handed_in(notebook)


def setup_at_the_end(ex: Exercise) -> HandedIn:
    """The setup cell was moved to the end, for it had run already."""
    notebook = ex.filled()
    setup = next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("locked"))
    notebook["cells"].remove(setup)
    notebook["cells"].append(setup)
    return ex.handed_in(notebook)


def setup_deleted(ex: Exercise) -> HandedIn:
    """The setup cell was deleted."""
    notebook = ex.filled()
    notebook["cells"] = [cell for cell in notebook["cells"] if not cell["metadata"].get("nbgrader", {}).get("locked")]
    return ex.handed_in(notebook)


def _renamed(ex: Exercise, name: str) -> HandedIn:
    return ex.handed_in(None, files={name: json.dumps(ex.filled()).encode()})


def renamed_with_spaces_and_umlauts(ex: Exercise) -> HandedIn:
    """The file is called Übung Nr. 1 (final) of Jörg."""
    return _renamed(ex, "Übung Nr. 1 – Jörg (final) [2].ipynb")


def extension_in_capitals(ex: Exercise) -> HandedIn:
    """The file's extension is in capitals."""
    return _renamed(ex, f"{ex.key.upper()}.IPYNB")


def in_a_folder_of_its_own(ex: Exercise) -> HandedIn:
    """The notebook and its weights lie in a further folder, as after unpacking."""
    files = {f"{ex.key}/{ex.weights_name}": ex.weights} if ex.weights else {}
    return HandedIn(dict(ex.full), None, {f"{ex.key}/{ex.key}.ipynb": json.dumps(ex.filled()).encode(), **files})


def left_overs_beside_it(ex: Exercise) -> HandedIn:
    """Caches, checkpoints, results, an archive and a timestamp of no zone lie beside the notebook."""
    other = json.dumps(dict(ex.release)).encode()
    return ex.handed_in(
        ex.filled(),
        files={
            "__pycache__/helpers.cpython-311.pyc": b"\x00\x01",
            f".ipynb_checkpoints/{ex.key}-checkpoint.ipynb": other,
            "results.json": b'{"MPJPE": NaN',
            "submission.zip": b"PK\x03\x04 broken",
            "timestamp.txt": b"2020-01-01 00:00:00 ../x",  # a zone's name is a path for nbgrader's own reader
            ".DS_Store": b"\x00",
            f"old/{ex.key}.ipynb": other,
        },
    )


def renamed_with_a_checkpoint(ex: Exercise) -> HandedIn:
    """The notebook has another name, and an older one of it lies in .ipynb_checkpoints."""
    other = json.dumps(dict(ex.release)).encode()
    name = json.dumps(ex.filled()).encode()
    return ex.handed_in(None, files={"mine.ipynb": name, ".ipynb_checkpoints/mine-checkpoint.ipynb": other})


# --- text and formats ------------------------------------------------------------------------------------------------


def _with_ends(ex: Exercise, end: str) -> HandedIn:
    notebook = ex.filled()
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].replace("\n", end)
    return ex.handed_in(json.dumps(notebook, indent=1).replace("\n", "\r\n"))


def line_ends_of_windows(ex: Exercise) -> HandedIn:
    """Lines end as on Windows, in the cells and in the file."""
    return _with_ends(ex, "\r\n")


def line_ends_of_old_macs(ex: Exercise) -> HandedIn:
    """Lines of the cells end with carriage returns only."""
    return _with_ends(ex, "\r")


def byte_order_mark(ex: Exercise) -> HandedIn:
    """The file begins with a byte order mark."""
    return ex.handed_in(b"\xef\xbb\xbf" + json.dumps(ex.filled()).encode())


def utf_16(ex: Exercise) -> HandedIn:
    """The file is in UTF-16, as some editors save it."""
    return ex.handed_in(json.dumps(ex.filled(), ensure_ascii=False).encode("utf-16"))


def sources_as_lists(ex: Exercise) -> HandedIn:
    """Sources are lists of lines, as nbformat writes them, one of them with a number in it."""
    notebook = ex.filled()
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    notebook["cells"][0]["source"].append(3)
    return ex.handed_in(notebook)


def odd_characters(ex: Exercise) -> HandedIn:
    """Comments hold emoji, lone surrogates, NUL bytes in Markdown and very long lines."""
    notebook = with_scratch(ex.filled(), "# \U0001f600 " + "x" * 50_000, "s = 'a \ud800 b'")
    answer = ex.cell(notebook, ex.first)
    answer["source"] = f"# \U0001f389 schön — ½ \u202e \ud83d\n{answer['source']}  # {'é' * 30_000}"
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "NUL \x00 and \x1b[31m \ud800"})
    return ex.handed_in(notebook)


def non_breaking_spaces(ex: Exercise) -> HandedIn:
    """Blank lines hold tabs and form feeds, and the answer begins with empty lines."""
    source = ex.answers[ex.first]
    return ex.handed_in(ex.filled(**{ex.first: f"\n\n  \n\x0c\n{source}\n\t\n   \n"}))


def format_4_0(ex: Exercise) -> HandedIn:
    """Format 4.0: no ids."""
    return _of_format(ex, 0)


def format_4_1(ex: Exercise) -> HandedIn:
    """Format 4.1: no ids."""
    return _of_format(ex, 1)


def format_4_2(ex: Exercise) -> HandedIn:
    """Format 4.2: no ids."""
    return _of_format(ex, 2)


def format_4_3(ex: Exercise) -> HandedIn:
    """Format 4.3: no ids."""
    return _of_format(ex, 3)


def format_4_4(ex: Exercise) -> HandedIn:
    """Format 4.4: ids in the metadata, as Colab writes them, and form fields."""
    notebook = _of_format(ex, 4).notebook
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"].update(id=f"aB{number}", colab={"base_uri": "https://localhost/"}, cellView="form")
        if is_answer(cell):
            cell["source"] = f"# @title An answer {{ run: 'auto' }}\n#@markdown ---\n{cell['source']}"
            cell["outputId"] = "x"
    notebook["metadata"].update(colab={"provenance": [], "gpuType": "T4"}, accelerator="GPU")
    return ex.handed_in(notebook)


def _of_format(ex: Exercise, minor: int) -> HandedIn:
    notebook = {**ex.filled(), "nbformat_minor": minor}
    for cell in notebook["cells"]:
        cell.pop("id", None)
    return ex.handed_in(notebook)


def format_3(ex: Exercise) -> HandedIn:
    """Format 3: cells in a worksheet, code in `input`, outputs of other names."""
    cells = []
    for cell in ex.filled()["cells"]:
        old = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            old |= {"input": cell["source"], "language": "python", "prompt_number": 3, "collapsed": False}
            old["outputs"] = [{"output_type": "pyout", "prompt_number": 3, "text": ["1"], "html": "<b>1</b>"}]
        else:
            old["source"] = cell["source"]
        cells.append(old)
    heading = {"cell_type": "heading", "level": 2, "metadata": {}, "source": "mine"}
    notebook = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ex.key}}
    return ex.handed_in({**notebook, "worksheets": [{"metadata": {}, "cells": [heading, *cells]}]})


def duplicate_ids(ex: Exercise) -> HandedIn:
    """All cells have the same id."""
    notebook = ex.filled()
    for cell in notebook["cells"]:
        cell["id"] = "abc"
    return ex.handed_in(notebook)


def invalid_ids(ex: Exercise) -> HandedIn:
    """Ids are numbers, lists, or a thousand characters long."""
    notebook = ex.filled()
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = [number, ["x"], "x" * 1000, "ü <b>", ""][number % 5]
    return ex.handed_in(notebook)


def metadata_of_vs_code_and_jupytext(ex: Exercise) -> HandedIn:
    """VS Code and Jupytext left their metadata, and execution times."""
    notebook = ex.filled()
    for cell in notebook["cells"]:
        cell["metadata"].update(
            vscode={"languageId": "python"}, lines_to_next_cell=2, execution={"iopub.execute_input": "2031"}, tags=["x"]
        )
    notebook["metadata"].update(
        jupytext={"formats": "ipynb,py:percent"}, vscode={"interpreter": {"hash": "0"}}, orig_nbformat=2
    )
    return ex.handed_in(notebook)


def saved_while_running(ex: Exercise) -> HandedIn:
    """The notebook was saved while it ran: counts are stars, outputs half written, widgets unfinished."""
    notebook = ex.filled()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = "*"
            cell["outputs"] = [{"output_type": "stream", "name": "stderr"}, {"output_type": "display_data"}, None, 3]
    notebook["metadata"]["widgets"] = {"state": None}
    return ex.handed_in(notebook)


def cells_damaged(ex: Exercise) -> HandedIn:
    """Between good cells stand numbers, empty objects and cells without source or with one of another kind."""
    notebook = ex.filled()
    notebook["cells"][2:2] = [None, 3, {}, {"cell_type": "code"}, {"cell_type": "code", "source": {"a": 1}}, []]
    notebook["cells"].append({"cell_type": ["code"], "metadata": [], "source": None, "outputs": {}})
    return ex.handed_in(notebook)


def huge_outputs(ex: Exercise) -> HandedIn:
    """Outputs and metadata hold megabytes: a log, a picture, a table."""
    notebook = ex.filled()
    picture = "iVBORw0KGgo" + "A" * (1 << 20)
    log = {"output_type": "stream", "name": "stderr", "text": ["loss 0.5\r"] * 100_000}
    shown = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": picture, "text/plain": "x" * (1 << 20)},
    }
    ex.cell(notebook, ex.first)["outputs"] = [log, shown, shown]
    notebook["metadata"]["history"] = ["x" * 1000] * 1000
    return ex.handed_in(notebook)


def deep_metadata(ex: Exercise) -> HandedIn:
    """Metadata are nested two hundred levels deep."""
    notebook, deep = ex.filled(), {}
    for _ in range(200):
        deep = {"x": [deep]}
    notebook["metadata"]["deep"] = notebook["cells"][0]["metadata"]["deep"] = deep
    return ex.handed_in(notebook)


def thousands_of_cells(ex: Exercise) -> HandedIn:
    """Two thousand scratch cells follow the work."""
    notebook = ex.filled()
    notebook["cells"] += [scratch(f"x{n} = {n}", f"s{n}") for n in range(2000)]
    return ex.handed_in(notebook)


def a_thousand_cells_before_the_work(ex: Exercise) -> HandedIn:
    """A thousand empty cells, from a key held down, stand before the work."""
    return ex.handed_in(with_scratch(ex.filled(), *[""] * 1000))


def answers_in_other_cells(ex: Exercise) -> HandedIn:
    """All answers are written in cells of the student's own, and the released ones are left as they were."""
    notebook = copy.deepcopy(dict(ex.release))
    notebook["cells"] += [scratch(source, f"mine-{name}") for name, source in ex.answers.items()]
    return ex.handed_in(notebook)


def answers_in_one_cell(ex: Exercise) -> HandedIn:
    """All answers are written in the first answer's cell, and the other cells are empty."""
    everything = "\n\n\n".join(ex.answers.values())
    return ex.handed_in(ex.filled(**{**dict.fromkeys(ex.answers, ""), ex.first: everything}))


def text_around_an_answer(ex: Exercise) -> HandedIn:
    """The student's own notes, headings and an unfinished cell stand between the released ones."""
    notebook = ex.filled()
    notes = {"cell_type": "markdown", "id": "notes", "metadata": {}, "source": "# Notes\n\n$x < y$ and a < b, `<tag>`"}
    notebook["cells"][3:3] = [notes, scratch("for i in", "unfinished"), scratch(code("Not Python, a reminder"), "x")]
    return ex.handed_in(notebook)


def both_answers_in_one_cell(ex: Exercise) -> HandedIn:
    """Two answers were written into one new cell, and their own were deleted."""
    made = ex.honest()
    for name in (ex.first, ex.second):
        made.notebook["cells"].remove(ex.cell(made.notebook, name))
    both = f"{ex.answers[ex.first]}\n\n\n{ex.answers[ex.second]}"
    made.notebook = with_scratch(made.notebook, both)
    return made
