"""Attacks on Python, on IPython's hooks and on the notebook: cells, names and points that are not the released ones."""

from __future__ import annotations

import copy
import json
from typing import Any

from submissions.exercise import Exercise, HandedIn, code, until_a_limit, with_scratch


def asserts_dropped_by_a_transformer(ex: Exercise) -> HandedIn:
    """An AST transformer drops every assert of the cells that follow."""
    return ex.worthless("""
        import ast

        class Dropper(ast.NodeTransformer):
            def visit_Assert(self, node): return ast.Pass()
            def visit_Call(self, node): return ast.Constant(True)

        get_ipython().ast_transformers.append(Dropper())
        compile_before = compile
        import builtins
        builtins.compile = lambda source, *a, **k: compile_before("pass", "<x>", "exec")

        def loot(*arguments, **options):
            return 1.0
    """)


def cells_rewritten_by_an_input_transformer(ex: Exercise) -> HandedIn:
    """An input transformer replaces the text of every cell that follows."""
    return ex.worthless("""
        from IPython.core import inputtransformer2
        get_ipython().input_transformers_cleanup.append(lambda lines: ["print('all right')"])
        inputtransformer2.TransformerManager.transform_cell = lambda self, cell: "print('all right')"

        def loot(*arguments, **options):
            return 1.0
    """)


def run_cell_swapped(ex: Exercise) -> HandedIn:
    """run_cell and the worker's own way of running cells are swapped for ones that always succeed."""
    return ex.worthless("""
        import IPython.core.interactiveshell as shell, sys
        get_ipython().run_cell = lambda *a, **k: None
        shell.InteractiveShell.run_cell = shell.InteractiveShell.showtraceback = lambda *a, **k: None
        cells = sys.modules.get("grading.isolation.cells")
        if cells:
            cells.Notebook.run = lambda *a, **k: []
            cells.Notebook.answer = lambda *a, **k: (lambda *b, **c: True)

        def loot(*arguments, **options):
            return 1.0
    """)


def success_flag_forced(ex: Exercise) -> HandedIn:
    """Results of execution say that they succeeded, whatever happened."""
    return ex.worthless("""
        from IPython.core.interactiveshell import ExecutionResult
        ExecutionResult.success = property(lambda self: True)
        ExecutionResult.raise_error = lambda self: None
        import sys
        sys.excepthook = lambda *a: None

        def loot(*arguments, **options):
            return 1.0
    """)


def builtins_replaced(ex: Exercise) -> HandedIn:
    """isinstance, type, len, getattr and print are replaced by ones that please."""
    return ex.worthless("""
        import builtins

        def loot(*arguments, **options):
            builtins.isinstance = lambda *a: True
            builtins.type = lambda *a: float
            builtins.len = lambda *a: 1
            builtins.print = builtins.repr = lambda *a, **k: "1.0"
            return 1.0
    """)


def helpers_patched(ex: Exercise) -> HandedIn:
    """helpers.checks is patched: run_probe, encode, decode, DTYPES, Wrong, and every public check."""
    return ex.worthless("""
        import sys
        import helpers.checks.engine.question as question, helpers.checks.engine.values as values

        def loot(*arguments, **options):
            question.run_probe = lambda *a, **k: True
            question.Wrong = question.Raised = type("Right", (Exception,), {})
            values.encode = lambda tree: (True, [])
            values.decode = lambda *a: True
            values.DTYPES.clear()
            for name, module in list(sys.modules.items()):
                if name.startswith("helpers"):
                    vars(module).update({key: (lambda *a, **k: True) for key in getattr(module, "__all__", ())})
            return 1.0
    """)


def clocks_stopped(ex: Exercise) -> HandedIn:
    """time stands still, so that no limit is ever reached, and sleep returns at once."""
    return ex.tricked("""
        import time

        def ANSWER(*arguments, **options):
            for name in ("time", "monotonic", "perf_counter", "process_time"):
                setattr(time, name, lambda: 0.0)
            return "no time has passed"
    """)


def random_numbers_made_constant(ex: Exercise) -> HandedIn:
    """All generators of random numbers are replaced, so that inputs could be foreseen, and their seeds printed."""
    return ex.worthless("""
        import os, random

        def loot(*arguments, **options):
            random.random = random.randint = lambda *a: 0
            np.random.rand = np.random.randint = np.random.randn = lambda *a, **k: np.zeros(())
            np.random.RandomState = type("Constant", (), {"__getattr__": lambda self, name: lambda *a, **k: 0})
            torch.rand = torch.randn = torch.randint = lambda *a, **k: torch.zeros(())
            torch.manual_seed = random.seed = np.random.seed = lambda *a: print(a)
            os.urandom = lambda count: bytes(count)
            return 1.0
    """)


@until_a_limit
def modules_replaced(ex: Exercise) -> HandedIn:
    """json, struct, socket and safetensors are replaced in sys.modules and emptied where they are."""
    return ex.worthless("""
        import json, socket, struct, sys

        def loot(*arguments, **options):
            json.dumps = lambda *a, **k: '{"message": {"points": 1e9}, "tensors": []}'
            json.loads = lambda *a, **k: {}
            socket.socket.sendall = lambda *a: None
            for name in ("json", "struct", "socket", "safetensors", "torch", "grading", "helpers"):
                sys.modules[name] = None
            return 1.0
    """)


def import_system_taken_over(ex: Exercise) -> HandedIn:
    """A finder of its own answers every import that follows, and the path leads to the submission's folder first."""
    return ex.worthless("""
        import importlib, sys, types

        class Finder:
            def find_spec(self, name, path=None, target=None):
                return importlib.machinery.ModuleSpec(name, self)
            def create_module(self, spec):
                module = types.ModuleType(spec.name)
                module.__getattr__ = lambda name: (lambda *a, **k: True)
                return module
            def exec_module(self, module): pass

        sys.meta_path.insert(0, Finder())
        sys.path[:0] = [".", "/tmp"]

        def loot(*arguments, **options):
            return 1.0
    """)


def environment_set(ex: Exercise) -> HandedIn:
    """Environment variables of Python, the loader and the course are set, and set again in the answer."""
    return ex.worthless("""
        import os

        def loot(*arguments, **options):
            os.environ.update(PYTHONPATH=".", PYTHONSTARTUP="x.py", LD_PRELOAD="/submission/x.so", PATH=".",
                              DEEP_LEARNING_LAB_GRADING="0", DEEP_LEARNING_LAB_STRICT="0", PYTEST_ADDOPTS="-k nothing",
                              PYTEST_DISABLE_PLUGIN_AUTOLOAD="0", DEEP_LEARNING_LAB_SECRET="0")
            return 1.0
    """)


def number_class_patched_in_c(ex: Exercise) -> HandedIn:
    """ctypes changes what float and True are worth in this process."""
    return ex.worthless("""
        import ctypes

        def loot(*arguments, **options):
            ctypes.memmove(id(1.5) + 16, id(7.5) + 16, 8)
            return 1.5
    """)


def name_of_a_class_with_markup(ex: Exercise) -> HandedIn:
    """Names, messages and lines of an error hold HTML, Markdown and control characters for whoever reads them."""
    return ex.tricked("""
        Trap = type("</pre><script>alert(1)</script>[x](javascript:alert(2))", (Exception,), {})
        print("</textarea><img src=x onerror=alert(3)>\\x1b[31m\\x00")

        def ANSWER(*arguments, **options):
            raise Trap("<svg onload=alert(4)>\\x1b]8;;http://x\\x07<!-- {{ 7 }} {% raw %} $\\\\href{javascript:1}{x}$")

        raise Trap("<iframe src=javascript:alert(5)>")
    """)


# --- the notebook ----------------------------------------------------------------------------------------------------


def _meta(ex: Exercise, notebook: dict[str, Any], name: str) -> dict[str, Any]:
    return ex.cell(notebook, name)["metadata"]["nbgrader"]


def _half(ex: Exercise) -> dict[str, Any]:
    """Return a notebook with every right answer but the first, which is a wrong one."""
    return ex.filled(**{ex.first: f"def {ex.first}(*arguments, **options):\n    return 'wrong'"})


def check_replaced(ex: Exercise) -> HandedIn:
    """The check cells are replaced by code that prints the maximum."""
    notebook = _half(ex)
    for question in ex.full:
        ex.cell(notebook, f"{question}_check")["source"] = "print('passed')\n100.0"
    return ex.handed_in(notebook, ex.full_but(ex.first))


def points_raised(ex: Exercise) -> HandedIn:
    """The points in the notebook's metadata are raised to a million."""
    notebook = _half(ex)
    for question in ex.full:
        _meta(ex, notebook, f"{question}_check")["points"] = 1e6
    return ex.handed_in(notebook, ex.full_but(ex.first))


def second_check_cell(ex: Exercise) -> HandedIn:
    """There is a second check cell for a question, with more points and a mark in its output, and one of a new name."""
    notebook = _half(ex)
    for name in (f"{ex.first}_check", "extra_check"):
        extra = copy.deepcopy(ex.cell(notebook, f"{ex.first}_check"))
        extra.update(source="1000.0", outputs=[_result("1000.0")])
        extra["metadata"]["nbgrader"].update(points=1000, grade_id=name)
        notebook["cells"].append(extra)
    return ex.handed_in(notebook, ex.full_but(ex.first))


def _result(text: str) -> dict[str, Any]:
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": text}}


def marks_in_the_outputs(ex: Exercise) -> HandedIn:
    """The outputs of the check cells say full marks."""
    notebook = _half(ex)
    for question in ex.full:
        ex.cell(notebook, f"{question}_check")["outputs"] = [_result("1000.0")]
    return ex.handed_in(notebook, ex.full_but(ex.first))


def check_renamed_to_another_question(ex: Exercise) -> HandedIn:
    """The check of the wrong answer carries the name of another question, so that it counts twice."""
    notebook = _half(ex)
    _meta(ex, notebook, f"{ex.first}_check")["grade_id"] = f"{ex.second}_check"
    return ex.handed_in(notebook, ex.full_but(ex.first))


def kinds_of_cells_changed(ex: Exercise) -> HandedIn:
    """Answers say that they are none, checks that they are answers, and words that they are checked."""
    notebook = _half(ex)
    for cell in notebook["cells"]:
        if meta := cell["metadata"].get("nbgrader"):
            meta.update(solution=not meta["solution"], grade=not meta["grade"], locked=False, task=True, points=99)
    return ex.handed_in(notebook, ex.full_but(ex.first))


def setup_replaced(ex: Exercise) -> HandedIn:
    """The locked setup cell brings a torch of its own, and says which one counts."""
    notebook = _half(ex)
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("locked"):
            cell["source"] = "class torch:\n    Tensor = float\nnn = F = np = None\nraise SystemExit"
    return ex.handed_in(notebook, ex.full_but(ex.first))


def metadata_of_a_future_nbgrader(ex: Exercise) -> HandedIn:
    """The metadata have schema version 99, words for numbers and lists for names."""
    notebook = ex.filled()
    for cell in notebook["cells"]:
        if meta := cell["metadata"].get("nbgrader"):
            meta.update(schema_version=99, points="many", grade="yes", checksum=["x"], comment="<script>")
    notebook["metadata"]["celltoolbar"] = {"a": 1}
    return ex.handed_in(notebook)


def check_cell_that_grades_itself(ex: Exercise) -> HandedIn:
    """A scratch cell and a class body would write the notebook's own marks."""
    writer = code("""
        class Writer:
            import glob
            for path in glob.glob("/*/*.ipynb") + glob.glob("*.ipynb"):
                try:
                    open(path, "a").write("points")
                except OSError:
                    pass
    """)
    return ex.handed_in(with_scratch(_half(ex), writer), ex.full_but(ex.first))


def another_question_answered_by_the_reference_of_the_first(ex: Exercise) -> HandedIn:
    """A wrong answer is followed by a scratch cell that rebinds all other names to one class that pleases."""
    please = code("""
        class Please:
            def __init__(self, *a, **k): pass
            def __call__(self, *a, **k): return 1.0
            def __getattr__(self, name): return self
    """)
    wrong = "".join(f"\n{name} = Please" for name in ex.full)
    notebook = with_scratch(_half(ex), please + wrong)
    return ex.handed_in(notebook, ex.full_but(ex.first))


HTML = "<script>alert(1)</script><img src=x onerror=alert(2)><iframe src='javascript:alert(3)'></iframe>"
MIME = {
    "text/html": HTML,
    "image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(4)'><script>alert(5)</script></svg>",
    "application/javascript": "alert(6)",
    "text/markdown": f"[x](javascript:alert(7)) {HTML}",
    "text/latex": "$\\href{javascript:alert(8)}{x}$",
    "application/vnd.jupyter.widget-view+json": {"model_id": "abc", "version_major": 2},
    "application/pdf": "JVBERi0=",
    "text/plain": f"plain {HTML}",
}


def markup_in_outputs(ex: Exercise) -> HandedIn:
    """Outputs hold HTML, SVG, JavaScript, widgets, Markdown and a traceback full of markup."""
    notebook = ex.filled()
    cell = ex.cell(notebook, ex.first)
    cell["outputs"] = [
        {"output_type": "display_data", "metadata": {"isolated": False}, "data": {mime: content}}
        for mime, content in MIME.items()
    ]
    cell["outputs"] += [
        {"output_type": "error", "ename": HTML, "evalue": HTML, "traceback": [HTML, "\x1b[31m" + HTML]},
        {"output_type": "stream", "name": HTML, "text": [HTML, "\x00\x1b[2J"]},
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": f"iVBORw0KGgo{HTML}"}},
        {"output_type": "invented", "text": HTML},
        HTML,
    ]
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"abc": {"x": HTML}}}}
    return ex.handed_in(notebook)


def markup_in_text(ex: Exercise) -> HandedIn:
    """Markdown cells, words, titles and attachments hold scripts and links to scripts."""
    notebook = ex.filled()
    text = f"{HTML}\n\n[x](javascript:alert(9))\n\n<details ontoggle=alert(10) open>\n\n![x](attachment:x.svg)\n\n" + (
        "<a href='&#106;avascript:alert(11)'>x</a>\n\n[r]: javascript:alert(12)\n\n<javascript:alert(13)>\n\n"
        "$\\unicode{<img src=x onerror=alert(14)>}$\n\n``` <script>\n</script><script>alert(15)</script>\n```"
    )
    cell = {"cell_type": "markdown", "id": "own", "metadata": {"tags": [HTML]}, "source": text}
    cell["attachments"] = {"x.svg": {"image/svg+xml": MIME["image/svg+xml"]}}
    notebook["cells"].insert(1, cell)
    notebook["cells"].append({**cell, "cell_type": "raw", "metadata": {"format": "text/html"}})
    for words in notebook["cells"]:
        meta = words["metadata"].get("nbgrader", {})
        if meta.get("solution") and words["cell_type"] == "markdown":
            words["source"] = text
    notebook["metadata"].update(title=HTML, authors=[{"name": HTML}])
    notebook["metadata"]["kernelspec"] = {"name": HTML, "display_name": HTML, "language": HTML}
    notebook["metadata"]["language_info"] = {"name": HTML, "pygments_lexer": "../../etc/passwd", "file_extension": HTML}
    return ex.handed_in(notebook)


def markup_in_code(ex: Exercise) -> HandedIn:
    """Code, comments and printed text hold tags that a page might take for its own."""
    return ex.honest(
        f"# </pre></div>{HTML}\nx = '''</script><script>alert(16)</script><!--'''",
        **{ex.first: f"{ex.answers[ex.first]}\n# </pre></textarea>{HTML}\nprint({HTML!r})"},
    )


def duplicate_keys(ex: Exercise) -> HandedIn:
    """Keys stand twice in the JSON, first with worthless cells; the last one counts, as for any reader of JSON."""
    return ex.handed_in('{"cells": [], "nbformat": 3, ' + json.dumps(ex.filled())[1:])
