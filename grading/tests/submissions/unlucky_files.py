"""Honest work among files of other names and places: it keeps every point, or is told what to hand in."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from typing import Any

from submissions.exercise import Exercise, HandedIn, with_scratch


def _text(notebook: dict[str, Any]) -> bytes:
    return json.dumps(notebook).encode()


def _good(ex: Exercise) -> bytes:
    return _text(ex.filled())


def _release(ex: Exercise) -> bytes:
    return _text(dict(ex.release))


def _of_another_exercise(ex: Exercise) -> dict[str, Any]:
    """Return a filled notebook whose cells are those of another exercise, but for names that all have."""
    notebook = ex.filled()
    for cell in notebook["cells"]:
        meta = cell["metadata"].get("nbgrader", {})
        if "grade_id" in meta and not meta["grade_id"].startswith(("model", "words", "setup")):
            meta["grade_id"] = f"other_{meta['grade_id']}"
            cell["id"] = f"other-{cell['id']}"[:60]
            cell["source"] = cell["source"].replace("def ", "def other_").replace("class ", "class Other")
    return notebook


def _begun(ex: Exercise) -> bytes:
    """Return a notebook in which only the first answer is written."""
    notebook = copy.deepcopy(dict(ex.release))
    ex.cell(notebook, ex.first)["source"] = ex.answers[ex.first]
    return _text(notebook)


def _other_draft(ex: Exercise) -> bytes:
    """Return a notebook whose answers are others, and wrong."""
    return _text(ex.filled(**{ex.first: f"def {ex.first}(*arguments, **options):\n    return 0"}))


def _zip(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def _only(ex: Exercise, files: dict[str, bytes], deserved: dict[str, float] | None = None) -> HandedIn:
    """Return a folder with these files and nothing else."""
    return HandedIn(dict(ex.full if deserved is None else deserved), None, files)


# --- one of several notebooks ----------------------------------------------------------------------------------------


def untitled_notebook_beside_a_renamed_one(ex: Exercise) -> HandedIn:
    """The notebook was renamed, and an Untitled.ipynb for a quick try lies beside it."""
    scratch = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": "1 + 1"}]}
    return ex.handed_in(None, files={"ada final.ipynb": _good(ex), "Untitled.ipynb": _text(scratch)})


def another_exercises_notebook_beside_a_renamed_one(ex: Exercise) -> HandedIn:
    """The notebook was renamed, and another exercise's lies beside it, answered, too."""
    return ex.handed_in(None, files={"mine.ipynb": _good(ex), "ex09.ipynb": _text(_of_another_exercise(ex))})


def the_release_beside_a_renamed_one(ex: Exercise) -> HandedIn:
    """The browser renamed the answered notebook, and the released one lies beside it under the expected name."""
    return ex.handed_in(None, files={f"{ex.key}.ipynb": _release(ex), f"{ex.key} (1).ipynb": _good(ex)})


def the_release_in_a_folder_beside_a_renamed_one(ex: Exercise) -> HandedIn:
    """The notebook was renamed, and a folder has the released one."""
    return ex.handed_in(None, files={"mine.ipynb": _good(ex), f"release/{ex.key}.ipynb": _release(ex)})


def a_backup_beside_a_renamed_one(ex: Exercise) -> HandedIn:
    """The notebook was renamed, and a backup of an earlier, other state of it lies in a folder."""
    return ex.handed_in(None, files={"mine.ipynb": _good(ex), f"backup/{ex.key}.ipynb": _other_draft(ex)})


def a_backup_with_one_more_try(ex: Exercise) -> HandedIn:
    """A backup has the same answers, one more try and the weights of another training."""
    files = {f"backup/{ex.key}.ipynb": _text(with_scratch(ex.filled(), "1 + 1"))}
    old = {f"backup/{name}": _other_weights() for name in ex.weights_file}
    return ex.handed_in(ex.filled(), files=files | old)


def an_earlier_state_beside_the_whole(ex: Exercise) -> HandedIn:
    """The file of the expected name has the first answer only, a copy of it has all."""
    return ex.handed_in(None, files={f"{ex.key}.ipynb": _begun(ex), f"{ex.key}-Copy1.ipynb": _good(ex)})


def the_same_notebook_twice(ex: Exercise) -> HandedIn:
    """Two files of other names are the same, byte for byte."""
    return ex.handed_in(None, files={"first try.ipynb": _good(ex), "second try.ipynb": _good(ex)})


def the_same_answers_twice(ex: Exercise) -> HandedIn:
    """Two files of other names have the same answers, and one has been run."""
    run = ex.filled()
    for cell in run["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "done"}]
    return ex.handed_in(None, files={"first try.ipynb": _good(ex), "second try.ipynb": _text(run)})


def two_notebooks_that_differ(ex: Exercise) -> HandedIn:
    """Two notebooks of other names answer differently, which leaves open which one is meant."""
    return ex.handed_in(None, ex.nothing, {"first try.ipynb": _good(ex), "second try.ipynb": _other_draft(ex)})


def another_draft_beside_the_named_one(ex: Exercise) -> HandedIn:
    """A draft that answers differently lies beside the notebook, which has its name."""
    return ex.handed_in(ex.filled(), files={"draft.ipynb": _other_draft(ex)})


def files_of_a_mac_beside_a_renamed_one(ex: Exercise) -> HandedIn:
    """Hidden doubles and __MACOSX lie beside a renamed notebook."""
    files = {"mine.ipynb": _good(ex), "._mine.ipynb": b"\x00\x05\x16\x07", "__MACOSX/._mine.ipynb": b"\x00\x05"}
    hidden = {"__MACOSX/mine.ipynb": _other_draft(ex), ".Trash/mine.ipynb": _other_draft(ex)}
    return ex.handed_in(None, files={**files, **hidden, ".old.ipynb": _other_draft(ex)})


def renamed_by_a_browser_to_text(ex: Exercise) -> HandedIn:
    """A browser saved the notebook as .ipynb.txt."""
    return ex.handed_in(None, files={f"{ex.key}.ipynb.txt": _good(ex)})


def renamed_by_a_browser_to_json(ex: Exercise) -> HandedIn:
    """A browser saved the notebook as .json."""
    return ex.handed_in(None, files={f"{ex.key}.json": _good(ex), "results.json": b'{"MPJPE": 3}'})


def renamed_by_a_system_with_a_number(ex: Exercise) -> HandedIn:
    """A system put a number behind the suffix."""
    return ex.handed_in(None, files={f"{ex.key}.ipynb (2)": _good(ex)})


def three_folders_down(ex: Exercise) -> HandedIn:
    """Notebook and weights lie three folders down."""
    files = {f"home/ada/lab/{name}": data for name, data in ex.weights_file.items()}
    return _only(ex, {f"home/ada/lab/{ex.key}.ipynb": _good(ex), **files})


def a_folder_of_the_notebooks_name(ex: Exercise) -> HandedIn:
    """A system unpacked the notebook into a folder that is called like it."""
    return ex.handed_in(None, files={f"{ex.key}.ipynb/{ex.key}.ipynb": _good(ex)})


def a_cut_notebook_beside_the_whole(ex: Exercise) -> HandedIn:
    """The upload broke off and was repeated under another name."""
    return ex.handed_in(None, files={f"{ex.key}.ipynb": _good(ex)[:500], f"{ex.key} (1).ipynb": _good(ex)})


def zip_with_notebook_and_weights(ex: Exercise) -> HandedIn:
    """Everything lies in one zip, as a Mac makes it."""
    files = {f"{ex.key}/{ex.key}.ipynb": _good(ex), f"__MACOSX/{ex.key}/._{ex.key}.ipynb": b"\x00\x05"}
    return _only(ex, {"submission.zip": _zip({**files, **{f"{ex.key}/{n}": d for n, d in ex.weights_file.items()}})})


def zip_beside_the_weights(ex: Exercise) -> HandedIn:
    """The notebook lies in a zip, the weights beside that."""
    return ex.handed_in(None, files={"Übung.ZIP": _zip({"mine.ipynb": _good(ex)})})


def weights_in_a_zip(ex: Exercise) -> HandedIn:
    """The weights lie in a zip beside the notebook, for they were large."""
    return HandedIn(dict(ex.full), ex.filled(), {"weights.zip": _zip(ex.weights_file)})


def zip_of_two_drafts(ex: Exercise) -> HandedIn:
    """A zip holds two notebooks that answer differently."""
    return ex.handed_in(None, ex.nothing, {"all.zip": _zip({"a.ipynb": _good(ex), "b.ipynb": _other_draft(ex)})})


def zip_that_is_none(ex: Exercise) -> HandedIn:
    """There is nothing but an archive that was cut."""
    return ex.handed_in(None, ex.nothing, {"all.zip": _zip({"a.ipynb": _good(ex)})[:-40]})


def zip_of_a_gigabyte(ex: Exercise) -> HandedIn:
    """A zip of a megabyte holds a notebook of a gigabyte."""
    return ex.handed_in(None, ex.nothing, {"all.zip": _bomb(1 << 30)})


def _bomb(size: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.ipynb", "w") as file:
        for _ in range(size >> 24):
            file.write(b" " * (1 << 24))
    return made.getvalue()


def zip_with_paths_that_lead_out(ex: Exercise) -> HandedIn:
    """A zip holds the notebook under a path that leads to other folders; nothing is written anywhere."""
    return ex.handed_in(None, files={"all.zip": _zip({"../../../deep-learning-lab-was-here/mine.ipynb": _good(ex)})})


# --- weights of other names and in other places ----------------------------------------------------------------------


def _weights_at(ex: Exercise, *names: str) -> HandedIn:
    """Return right answers whose weights lie under these names, and under no other."""
    return HandedIn(dict(ex.full), ex.filled(), dict.fromkeys(names, ex.weights) if ex.weights else {})


def weights_renamed_by_a_browser(ex: Exercise) -> HandedIn:
    """The browser saved the weights once more, with a number."""
    return _weights_at(ex, f"{ex.key} (1).safetensors")


def weights_with_a_short_name(ex: Exercise) -> HandedIn:
    """The weights' name has the exercise's number only."""
    return _weights_at(ex, f"{ex.key.partition('_')[0]} (1).safetensors")


def weights_in_capitals(ex: Exercise) -> HandedIn:
    """The weights' suffix is in capitals."""
    return _weights_at(ex, f"{ex.key}.SAFETENSORS")


def weights_called_text(ex: Exercise) -> HandedIn:
    """The browser gave the weights a suffix for text."""
    return _weights_at(ex, f"{ex.key}.safetensors.txt")


def weights_of_another_name(ex: Exercise) -> HandedIn:
    """The weights are called as the student likes."""
    return _weights_at(ex, "my best model.safetensors")


def weights_in_a_folder(ex: Exercise) -> HandedIn:
    """The weights lie in a folder beside the notebook."""
    return _weights_at(ex, f"weights/{ex.weights_name}")


def weights_above_the_notebook(ex: Exercise) -> HandedIn:
    """The notebook lies in a folder, the weights on top."""
    return ex.handed_in(None, files={f"{ex.key}/{ex.key}.ipynb": _good(ex)})


def weights_twice_the_same(ex: Exercise) -> HandedIn:
    """The same weights lie there twice, under two other names."""
    return _weights_at(ex, f"{ex.key} (1).safetensors", f"{ex.key} (2).safetensors")


def weights_beside_a_checkpoint(ex: Exercise) -> HandedIn:
    """A training that was ended has left its state beside the renamed weights."""
    made = _weights_at(ex, f"{ex.key} (1).safetensors")
    return HandedIn(made.deserved, made.notebook, {**made.files, f"{ex.key}.checkpoint.safetensors": _other_weights()})


def weights_beside_earlier_ones(ex: Exercise) -> HandedIn:
    """A training that was better than the last one has left its weights beside the renamed ones."""
    made = _weights_at(ex, f"{ex.key} (1).safetensors")
    return HandedIn(made.deserved, made.notebook, {**made.files, f"{ex.key}.earlier.safetensors": _other_weights()})


def weights_beside_a_pointer(ex: Exercise) -> HandedIn:
    """Under the expected name lies a pointer of git-lfs, the weights themselves under another."""
    made = _weights_at(ex, f"{ex.key} (1).safetensors")
    return HandedIn(made.deserved, made.notebook, {**made.files, ex.weights_name: POINTER})


def weights_of_other_exercises_beside_it(ex: Exercise) -> HandedIn:
    """The weights were renamed, and those of other exercises lie there, too."""
    made = _weights_at(ex, "best.safetensors")
    others = {f"ex0{number}_other.safetensors": _other_weights() for number in (8, 9)}
    return HandedIn(made.deserved, made.notebook, {**made.files, **others})


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1234567\n"


def _other_weights() -> bytes:
    import torch
    from safetensors.torch import save

    return save({"somebody.else": torch.ones(3)})


def _without_weights(ex: Exercise, files: dict[str, bytes]) -> HandedIn:
    """Return right answers with these files in place of the weights: the model question deserves nothing."""
    return HandedIn(ex.full_but("model"), ex.filled(), files)


def weights_left_out(ex: Exercise) -> HandedIn:
    """There are no weights."""
    return _without_weights(ex, {})


def weights_empty(ex: Exercise) -> HandedIn:
    """The weights have no bytes."""
    return _without_weights(ex, {ex.weights_name: b""})


def weights_are_a_pointer(ex: Exercise) -> HandedIn:
    """The weights are a pointer of git-lfs."""
    return _without_weights(ex, {ex.weights_name: POINTER})


def weights_saved_by_torch(ex: Exercise) -> HandedIn:
    """The weights were saved as a pickle under its own suffix."""
    return _without_weights(ex, {f"{ex.key}.pt": b"PK\x03\x04 archive/data.pkl"})


def weights_that_differ(ex: Exercise) -> HandedIn:
    """Two weights of other names differ, which leaves open which ones are meant."""
    files = {"a.safetensors": ex.weights or _other_weights(), "b.safetensors": _other_weights() + b""}
    return _without_weights(ex, files if ex.weights else {})


def weights_of_a_compiled_network(ex: Exercise) -> HandedIn:
    """The names in the weights file begin as torch.compile lets them begin."""
    return HandedIn(dict(ex.full), ex.filled(), _renamed(ex, "_orig_mod."))


def weights_of_a_parallel_network(ex: Exercise) -> HandedIn:
    """The names in the weights file begin as DataParallel lets them begin, and torch.compile within it."""
    return HandedIn(dict(ex.full), ex.filled(), _renamed(ex, "module._orig_mod."))


def _renamed(ex: Exercise, prefix: str) -> dict[str, bytes]:
    from safetensors.torch import load, save

    tensors = load(ex.weights) if ex.weights else {}
    return {ex.weights_name: save({prefix + name: one for name, one in tensors.items()})} if tensors else {}


# --- build_model starts from pretrained weights, which are not there --------------------------------------------------


def _starting(ex: Exercise, *lines: str) -> HandedIn:
    """Return right answers whose `build_model` begins with these lines."""
    head, _, body = ex.answers["model"].partition("def build_model")
    signature, _, rest = body.partition("\n")
    begun = "".join(f"    {line}\n" for line in ("import torch", *lines))
    return ex.handed_in(ex.filled(model=f"{head}def build_model{signature}\n{begun}{rest}"))


def pretrained_by_a_download(ex: Exercise) -> HandedIn:
    """A backbone's weights are downloaded, as torchvision does it, and the last layer's are left out."""
    return _starting(
        ex,
        "from torch.hub import load_state_dict_from_url",
        "net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))",
        "state = load_state_dict_from_url('https://download.pytorch.org/models/net-f37072fd.pth', progress=True)",
        "net.load_state_dict(state)",
        "state.pop('1.weight'), state.pop('1.bias')",
        "net.load_state_dict({k: v for k, v in state.items() if k in net.state_dict()}, strict=False)",
    )


def pretrained_by_a_file_that_stayed_at_home(ex: Exercise) -> HandedIn:
    """A backbone's weights are read from files that were not handed in."""
    return _starting(
        ex,
        "from safetensors.torch import load_file",
        "net = torch.nn.Linear(3, 4)",
        "net.load_state_dict(torch.load('resnet18.pth', map_location='cpu'))",
        "net.load_state_dict(load_file('/home/ada/backbone.safetensors'))",
    )


def pretrained_by_the_course(ex: Exercise) -> HandedIn:
    """The course's own backbone is asked for its pretrained weights, which take no part in grading."""
    return _starting(ex, "import helpers", "helpers.pretrainable_backbone(pretrained=True)")


def pretrained_at_the_top_of_the_cell(ex: Exercise) -> HandedIn:
    """The weights are downloaded beside `build_model`, when the cell runs."""
    loads = "NET.load_state_dict(torch.hub.load_state_dict_from_url('https://x.org/n.pth'))"
    top = f"import torch\n\nNET = torch.nn.Linear(3, 4)\n{loads}\n"
    return ex.handed_in(ex.filled(model=f"{top}\n\n{ex.answers['model']}\n\n\nassert NET is not None"))


# --- what a student's machine has and the grader's has not: told in the hint (test_beside.py) ------------------------


def own_module_beside_the_notebook(ex: Exercise) -> HandedIn:
    """The first answer calls a function of a module beside the notebook, which is not graded and costs that answer."""
    notebook = ex.filled(**{ex.first: f"def {ex.first}(*arguments):\n    return lab_tools.right(*arguments)"})
    module = ex.answers[ex.first].replace(f"def {ex.first}", "def right").encode()
    return ex.handed_in(with_scratch(notebook, "import lab_tools"), ex.full_but(ex.first), {"lab_tools.py": module})


def newer_python(ex: Exercise) -> HandedIn:
    """The first answer's cell uses syntax of a Python that is not out yet, which costs that answer."""
    source = f"{ex.answers[ex.first]}\n\n\nfrom __future__ import everything!"
    return ex.handed_in(ex.filled(**{ex.first: source}), ex.full_but(ex.first))
