"""Seven submissions to exercise 2, each with the marks that it deserves written beside it, extra points included.

Each function makes one submission from the released notebook; its docstring says what is special about it.
"""

from __future__ import annotations

import copy

from grading.sample_submissions.handing_in import HandedIn, by_name, filled, with_crash_and_endless_loop
from grading.submission.roles import NotebookData

__all__ = ["EXERCISE", "SUBMISSIONS"]

EXERCISE = "ex02_softargmax"
WEIGHTS = f"{EXERCISE}.safetensors"
FULL = {
    "gaussian_scoremaps": 4.0, "scoremap_loss": 3.0, "argmax_decode": 3.0, "softargmax": 6.0, "SoftargmaxPose": 6.0,
    "lean_softargmax": 3.0, "model": 6.0,
}  # fmt: skip
WITHOUT_BONUS = {**FULL, "lean_softargmax": 0.0}


def only(**marks: float) -> dict[str, float]:
    """Return marks of 0 but for those named."""
    return {**dict.fromkeys(FULL, 0.0), **marks}


def ada_perfect(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The reference answers, the one for extra points too, with trained weights."""
    return HandedIn(filled(release, answers), FULL, {WEIGHTS: weights})


def ben_other_style(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Right in another style: NumPy, loops, exponentials by hand, larger maps; no bonus question."""
    own = {
        "gaussian_scoremaps": """
def gaussian_scoremaps(keypoints, visible, size, sigma):
    rows, columns = np.mgrid[: size[0], : size[1]]
    maps = np.zeros((*visible.shape, *size))
    for b, k in np.argwhere(visible.numpy()):
        x, y = keypoints[b, k].tolist()
        maps[b, k] = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return torch.from_numpy(maps).to(keypoints)
""",
        "scoremap_loss": """
def scoremap_loss(pred, target):
    return F.mse_loss(pred, target, reduction="sum") / len(pred)
""",
        "argmax_decode": """
def argmax_decode(scoremaps):
    best, row = scoremaps.max(dim=2)
    x = best.argmax(dim=-1, keepdim=True)
    return torch.cat([x, row.gather(-1, x)], dim=-1).type_as(scoremaps)
""",
        "softargmax": """
def softargmax(scoremaps, beta=1.0):
    b, k, h, w = scoremaps.shape
    scores = beta * scoremaps.reshape(b * k, h * w)
    weight = (scores - scores.amax(dim=1, keepdim=True)).exp()
    weight = weight / weight.sum(dim=1, keepdim=True)
    ys, xs = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    grid = torch.stack([xs, ys], dim=-1).reshape(h * w, 2).to(scoremaps)
    return (weight @ grid).reshape(b, k, 2)
""",
        "SoftargmaxPose": """
class SoftargmaxPose(nn.Module):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__()
        self.features, self.image_size = backbone, image_size
        self.to_scores = nn.Conv2d(backbone.out_channels, num_keypoints, 1)

    def forward(self, images):
        scores = F.interpolate(self.to_scores(self.features(images)), scale_factor=2, mode="bilinear")
        step = self.image_size[1] / scores.shape[3]
        return step * softargmax(scores) + (step - 1) / 2, scores
""",
        "model": answers["SoftargmaxPose"].replace("class SoftargmaxPose", "class Net")
        + """

def build_model():
    return Net(helpers.small_backbone(), 17, (128, 128))
""",
    }
    return HandedIn(filled(release, own), WITHOUT_BONUS, {WEIGHTS: weights})


def cem_half_done(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The first two questions only; nothing trained."""
    done = {name: answers[name] for name in ("gaussian_scoremaps", "scoremap_loss")}
    return HandedIn(filled(release, done), only(gaussian_scoremaps=4.0, scoremap_loss=3.0))


def dua_untouched(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The notebook as released."""
    return HandedIn(copy.deepcopy(release), only())


def eli_known_mistakes(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Three known mistakes: rounded centres, x and y swapped, keypoints in pixels of the map; and a plain bonus."""
    wrong = {
        "gaussian_scoremaps": """
def gaussian_scoremaps(keypoints, visible, size, sigma):
    centre = keypoints.nan_to_num().round()
    dx = torch.arange(size[1]) - centre[..., 0, None, None]
    dy = torch.arange(size[0])[:, None] - centre[..., 1, None, None]
    return torch.exp(-(dx**2 + dy**2) / (2 * sigma**2)) * visible[..., None, None]
""",
        "softargmax": """
def softargmax(scoremaps, beta=1.0):
    p = (beta * scoremaps).flatten(2).softmax(-1).view_as(scoremaps)
    rows = torch.arange(scoremaps.shape[2]).to(p)
    columns = torch.arange(scoremaps.shape[3]).to(p)
    return torch.stack([p.sum(dim=3) @ rows, p.sum(dim=2) @ columns], dim=-1)
""",
        "SoftargmaxPose": """
class SoftargmaxPose(nn.Module):
    def __init__(self, backbone, num_keypoints, image_size):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Conv2d(backbone.out_channels, num_keypoints, 1)

    def forward(self, images):
        scores = self.head(self.backbone(images))
        return softargmax(scores).flip(-1), scores  # softargmax gives y first
""",
        "lean_softargmax": """
def lean_softargmax(scoremaps, beta=1.0):
    return softargmax(scoremaps, beta).flip(-1)
""",
    }
    marks = only(scoremap_loss=3.0, argmax_decode=3.0, SoftargmaxPose=2.0, lean_softargmax=2.0)
    return HandedIn(filled(release, {**answers, **wrong}), marks, {WEIGHTS: weights})


def fay_crash_and_endless_loop(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """A scratch cell that ends the process, one that never ends, an answer that never returns; the rest is right."""
    notebook = with_crash_and_endless_loop(release, answers, "argmax_decode(scoremaps)")
    return HandedIn(notebook, {**FULL, "argmax_decode": 0.0}, {WEIGHTS: weights})


def gus_bonus_only(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Only the bonus question, without the softargmax that it improves on."""
    return HandedIn(filled(release, {"lean_softargmax": answers["lean_softargmax"]}), only(lean_softargmax=3.0))


SUBMISSIONS = by_name(
    ada_perfect,
    ben_other_style,
    cem_half_done,
    dua_untouched,
    eli_known_mistakes,
    fay_crash_and_endless_loop,
    gus_bonus_only,
)
