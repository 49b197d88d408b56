"""Cells run as a notebook would run them, as far as that is harmless."""

import ast
import builtins
import inspect
import pdb
import sys

import pytest
import torch

from grading.isolation import cpu_only
from grading.isolation.cells import CappedOutput, Notebook
from helpers.checks.engine.code import definitions, plain_python


@pytest.fixture
def notebook():
    main, read, stop, trace = sys.modules["__main__"], builtins.input, sys.breakpointhook, pdb.set_trace
    yield Notebook()
    sys.modules["__main__"], builtins.input, sys.breakpointhook, pdb.set_trace = main, read, stop, trace


def test_an_error_stays_with_its_statement(notebook):
    errors = notebook.run("c", "a = 1\nb = a / 0\nc = a + 1\nraise SystemExit(3)\nd = 4", "full")
    assert [(e["type"], e["line"]) for e in errors] == [("ZeroDivisionError", 2), ("SystemExit", 4)]
    assert (notebook.names["c"], notebook.names["d"]) == (2, 4)


def test_a_syntax_error_is_named_with_its_line(notebook):
    (error,) = notebook.run("c", "x = 1\ndef f(:\n    pass", "full")
    assert (error["type"], error["line"]) == ("SyntaxError", 2)


def test_an_exception_that_raises_when_read_is_still_an_error(notebook):
    source = "class Nasty(Exception):\n    def __str__(self): raise SystemExit\nraise Nasty"
    assert notebook.run("c", source, "full")[0]["type"] == "Nasty"


def test_magics_and_shell_lines_do_nothing(notebook):
    source = "%matplotlib inline\n!rm -rf /\nfiles = !ls\n%time x = 3\nget_ipython().ast_transformers.append(1)\ny = 2"
    assert notebook.run("c", source, "full") == []
    assert notebook.names["y"] == 2 and notebook.names["files"] is None


@pytest.mark.parametrize(
    ("magic", "runs"), [("%%time", True), ("%%capture out", True), ("%%bash", False), ("%%html", False)]
)
def test_cell_magics(notebook, magic, runs):
    notebook.run("c", f"{magic}\nx = 1", "full")
    assert ("x" in notebook.names) is runs


def test_a_future_feature_that_there_is_not_is_an_error_of_its_statement(notebook):
    (error,) = notebook.run("c", "from __future__ import annotation\na = 1", "full")
    assert error["type"] == "SyntaxError" and notebook.names["a"] == 1


def test_windows_line_ends_and_future_imports(notebook):
    source = "from __future__ import annotations\r\ndef f(x: no_such_name) -> int:\r\n    return x\r\n"
    assert notebook.run("c", source, "full") == []
    assert notebook.names["f"](3) == 3


def test_input_answers_with_nothing_and_main_is_the_notebook(notebook):
    notebook.run(
        "c",
        "name = input('who? ')\nhere = __name__\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int",
        "full",
    )
    assert (notebook.names["name"], notebook.names["here"]) == ("", "__main__")
    assert notebook.names["A"](1).x == 1


def test_breakpoints_that_were_left_stop_nobody(notebook):
    source = "import pdb\nbreakpoint()\ndef f():\n    pdb.set_trace()\n    return 3\nx = f()"
    assert notebook.run("c", source, "full") == []
    assert notebook.names["x"] == 3


def test_tensors_made_on_a_gpu_are_made_here(notebook, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for owner, names in ((torch, cpu_only.FACTORIES), (torch.Tensor, cpu_only.NEW)):
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name))  # so that they are put back
    cpu_only.make_factories_gentle.cache_clear()
    source = (
        "import torch\nx = torch.zeros(2, device='cuda') + torch.ones(2, device=torch.device('cuda', 0))\n"
        "y = torch.zeros_like(x, device='cuda:1').new_full((2,), 3.0, device='cuda')\n"
        "layer = torch.nn.Linear(2, 1, device='cuda')"
    )
    assert notebook.run("c", source, "full") == []
    assert notebook.names["x"].tolist() == [1.0, 1.0] and notebook.names["y"].tolist() == [3.0, 3.0]
    assert notebook.names["layer"].weight.device.type == "cpu"
    cpu_only.make_factories_gentle.cache_clear()


def test_source_can_be_inspected(notebook):
    notebook.run("c", "def f():\n    return 42\n", "full")
    assert "return 42" in inspect.getsource(notebook.names["f"])


DEFINES = {
    "import torch": True, "from torch import nn": True, "def f(): launch()": True, "class A(B):\n    x = f()": True,
    "x = 3": True, "x: int = -2**3": True, "x: int": True, "a, b = 1, [2, 3]": True, "f = lambda x: train(x)": True,
    "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')": True, "n = len([1, 2])": True,
    "table = {'a': torch.arange(3), 'b': np.zeros((2, 3))}": True, "model = train()": False, "train()": False,
    "x = [f(i) for i in range(3)]": False, "while True: pass": False, "for i in range(3): x = i": False,
    "x += 1": False,
    "x = torch.load('weights')": False, "try:\n    import a\nexcept ImportError:\n    a = None": True,
    (
        "if torch.cuda.is_available():\n    device = 'cuda'\nelse:\n    device = 'cpu'"
    ): True, "if ready:\n    train()": False,
    "with open('x') as f: pass": False, "del x": False, "x = os.getpid()": False,
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), DEFINES.items())
def test_what_only_defines(source, expected):
    assert definitions(ast.parse(source).body[0]) is expected


def test_definitions_run_without_the_rest(notebook):
    assert notebook.run("c", "k = 17\nwhile True:\n    pass\ndef f():\n    return k", "definitions") == []
    assert notebook.names["f"]() == 17


def test_an_answer_is_what_its_own_cell_left(notebook):
    notebook.run("mpjpe", "def mpjpe(): return 'own'", "full")
    notebook.run("scratch", "def mpjpe(): return 'scratch'", "definitions")
    assert notebook.answer("mpjpe", "mpjpe", untouched=False)() == "own"
    assert notebook.answer("mpjpe", "mpjpe", untouched=True)() == "scratch"
    with pytest.raises(KeyError):
        notebook.answer("pck", "pck", untouched=False)


def test_output_is_capped(tmp_path):
    with open(tmp_path / "out", "wb") as file:
        output = CappedOutput(file.fileno(), 10)
        for _ in range(5):
            assert output.write("äbc") == 3
    assert len((tmp_path / "out").read_bytes()) == 10


def test_plain_python_keeps_line_numbers():
    assert plain_python("%%time\nx = 1\ny = 2").splitlines()[1:] == ["x = 1", "y = 2"]
    assert plain_python("\n\nx = 1").splitlines() == ["", "", "x = 1"]


def test_an_answer_calls_what_was_there_where_its_check_stands(notebook):
    notebook.run("a", "def h(): return 1\ndef a(): return h()", "full")
    notebook.run("b", "def h(): return 2\ndef b(): return (h(), later(), len([3]))", "full")
    notebook.run("own", "WIDTH = 3\ndef h(): return WIDTH", "full")
    notebook.run("b_check", "", "check")
    notebook.run("scratch", "h = len = None\ndef later(): return 4", "full")
    assert notebook.answer("a", "a", untouched=False)() == 1
    assert notebook.answer("b", "b", untouched=False)() == (3, 4, 1)
    assert notebook.answer("own", "h", untouched=True) is None
    assert notebook.answer("a", "a", untouched=False)() == 1


@pytest.mark.parametrize("blank", ["\n", "  \n\t\n", "\r\n \r\n"])
def test_a_cell_magic_may_stand_below_blank_lines(notebook, blank):
    assert notebook.run("c", f"{blank}%%time\nx = 1\n1 / 0", "full")[0]["line"] == blank.count("\n") + 3
    assert notebook.names["x"] == 1
