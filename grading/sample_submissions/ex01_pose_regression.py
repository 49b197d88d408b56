"""Ten submissions to exercise 1, each with the marks that it deserves written beside it.

Each function makes one submission from the released notebook; its docstring says what is special about it.
"""

from __future__ import annotations

import copy
import json

from grading.sample_submissions.handing_in import HandedIn, by_name, cell, filled, with_crash_and_endless_loop
from grading.sample_submissions.taken import mistakes, right
from grading.submission.roles import NotebookData

__all__ = ["EXERCISE", "SUBMISSIONS"]

EXERCISE = "ex01_pose_regression"
WEIGHTS = f"{EXERCISE}.safetensors"
FULL = {"mpjpe": 4.0, "pck": 4.0, "masked_l2_loss": 4.0, "PoseRegressor": 6.0, "model": 6.0}


def only(**marks: float) -> dict[str, float]:
    """Return marks of 0 but for those named."""
    return {**dict.fromkeys(FULL, 0.0), **marks}


def ada_perfect(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The reference answers, with trained weights."""
    return HandedIn(filled(release, answers), FULL, {WEIGHTS: weights})


def ben_other_style(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Right in another style: loops, floats instead of tensors, other layers with other names, warnings and prints."""
    own = right(
        EXERCISE, mpjpe="python_loops", pck="pairwise_distance", masked_l2_loss="where_before", PoseRegressor="TwoHeads"
    )
    warning = 'import warnings\n\n    warnings.warn("this loop is slow")\n    print("looping")\n    errors = []'
    own["mpjpe"] = own["mpjpe"].replace("errors = []", warning)
    own["model"] = (
        answers["PoseRegressor"].replace("class PoseRegressor", "class Net")
        + """

def build_model():
    return Net(helpers.small_backbone(), 17, (128, 128))
"""
    )
    return HandedIn(filled(release, own), FULL, {WEIGHTS: weights})


def cem_half_done(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The first two questions only; nothing trained."""
    done = {name: answers[name] for name in ("mpjpe", "pck")}
    return HandedIn(filled(release, done), only(mpjpe=4.0, pck=4.0))


def dua_untouched(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The notebook as released."""
    return HandedIn(copy.deepcopy(release), only())


def eli_known_mistakes(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Three known mistakes: |dx| + |dy| as distance, divided by all joints, coordinates that stay in [0, 1]."""
    wrong = mistakes(
        EXERCISE, mpjpe="l1_distance", masked_l2_loss="divides_by_all_joints", PoseRegressor="normalised_output"
    )
    # half of PoseRegressor: it is built, trained through and deterministic, only not in pixels
    return HandedIn(filled(release, {**answers, **wrong}), only(pck=4.0, PoseRegressor=3.0), {WEIGHTS: weights})


def fay_crash_and_endless_loop(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """A scratch cell that ends the process, one that never ends, an answer that never returns; the rest is right."""
    notebook = with_crash_and_endless_loop(release, answers, "pck(pred, target, visible, threshold)")
    return HandedIn(notebook, {**FULL, "pck": 0.0}, {WEIGHTS: weights})


def gus_damaged_notebook(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Right answers in a notebook with a copied, a renamed and a deleted check, a moved answer and an odd kernel."""
    notebook = filled(release, answers)
    cells = notebook["cells"]
    cells.append(copy.deepcopy(cell(notebook, "mpjpe_check")) | {"id": "copied"})
    cells.remove(cell(notebook, "pck_check"))
    cell(notebook, "masked_l2_loss_check")["metadata"]["nbgrader"]["grade_id"] = "my_check"
    moved = cell(notebook, "PoseRegressor")
    cells.remove(moved)
    cells.append(moved)
    cell(notebook, "model_check")["cell_type"] = "raw"
    notebook["metadata"]["kernelspec"] = {"display_name": "My env", "language": "python", "name": "my-env"}
    return HandedIn(notebook, FULL, {WEIGHTS: weights})


def hal_hostile(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Tries to win points without work: ten tricks, none of which may earn any."""
    tricks = {
        "mpjpe": """
import ast, builtins, os, pathlib, signal, socket, sys

class EqualToEverything:
    def __eq__(self, other): return True
    def __float__(self): return 1.0
    def __torch_function__(self, *a, **k): return True

def attempt(action):
    try:
        return action()
    except BaseException as error:
        print("refused:", type(error).__name__)

torch.allclose = torch.equal = lambda *a, **k: True                      # 1 replaced comparisons
torch.testing.assert_close = lambda *a, **k: None
sys.displayhook = lambda value: print("4.0")                             # 2 the mark printed
attempt(lambda: get_ipython().ast_transformers.append(ast.NodeTransformer()))  # 3 asserts dropped
attempt(lambda: setattr(type(get_ipython()), "run_cell", lambda *a, **k: None))  # 4 run_cell swapped
root = pathlib.Path(helpers.__file__).parent.parent
solution = root / "solutions/ex01_pose_regression/ex01_pose_regression.ipynb"
attempt(lambda: exec(solution.read_text()))                              # 5 the solution
attempt(lambda: (root / "grading/sample/gradebook.db").write_bytes(b""))        # 6 the gradebook
attempt(lambda: (root / "grading/sample/submitted/ada_perfect/x").write_text("gone"))  # 7 a neighbour
attempt(lambda: socket.create_connection(("127.0.0.1", 22), 1))          # 8 the network
attempt(lambda: os.kill(os.getppid(), signal.SIGKILL))                   # 9 the grader
attempt(os.fork)                                                         # 10 processes

def mpjpe(pred, target, visible):
    return EqualToEverything()
""",
        "pck": """
def pck(pred, target, visible, threshold):
    frame = sys._getframe()
    while frame := frame.f_back:                                         # the expected value from a caller's frame
        for name in ("right", "expected", "oracle"):
            if name in frame.f_locals:
                return frame.f_locals[name]
    return float("nan")
""",
        "masked_l2_loss": """
class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True

def masked_l2_loss(pred, target, visible):
    return torch.tensor(0.0, requires_grad=True).as_subclass(Yes)
""",
        "PoseRegressor": """
class PoseRegressor(nn.Module):
    def __init__(self, *args):
        super().__init__()
        self.p = nn.Parameter(torch.zeros(1))

    def forward(self, images):
        return torch.full((len(images), 17, 2), float("nan"))
""",
        "model": """
from helpers import checks
for module in list(sys.modules.values()):                                # the check itself replaced
    if getattr(module, "__name__", "").startswith("helpers.checks"):
        for name in dir(module):
            if name.startswith("judge") or name == "Wrong":
                setattr(module, name, lambda *a, **k: None)

def build_model():
    return PoseRegressor()
""",
    }
    forged = {"report.json": json.dumps(FULL).encode(), "results.pkl": b"\x80\x04N."}
    return HandedIn(filled(release, tricks), only(), forged)


def ivy_unreadable(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """A notebook cut in half by a full disk."""
    text = json.dumps(filled(release, answers))
    return HandedIn(text[: len(text) // 2], only(), {WEIGHTS: weights})


def jon_other_weights(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Everything right, but the weights file is of another network."""
    import torch
    from safetensors.torch import save

    return HandedIn(filled(release, answers), {**FULL, "model": 0.0}, {WEIGHTS: save({"weight": torch.zeros(3)})})


SUBMISSIONS = by_name(
    ada_perfect,
    ben_other_style,
    cem_half_done,
    dua_untouched,
    eli_known_mistakes,
    fay_crash_and_endless_loop,
    gus_damaged_notebook,
    hal_hostile,
    ivy_unreadable,
    jon_other_weights,
)
