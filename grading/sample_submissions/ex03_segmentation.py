"""Eight submissions to exercise 3, each with the marks that it deserves written beside it.

Each function makes one submission from the released notebook; its docstring says what is special about it.
"""

from __future__ import annotations

import copy

from grading.sample_submissions.handing_in import HandedIn, by_name, cell, filled, with_crash_and_endless_loop
from grading.submission.roles import NotebookData

__all__ = ["EXERCISE", "SUBMISSIONS"]

EXERCISE = "ex03_segmentation"
WEIGHTS = f"{EXERCISE}.safetensors"
FULL = {
    "iou": 2.0, "mean_iou": 4.0, "convolution_matrix": 4.0, "transposed_convolution": 3.0, "segmentation_loss": 3.0,
    "UpsampleDecoder": 3.0, "TransposedDecoder": 4.0, "UNetDecoder": 6.0, "unpool_with_indices": 3.0, "model": 6.0,
}  # fmt: skip


def only(**marks: float) -> dict[str, float]:
    """Return marks of 0 but for those named."""
    return {**dict.fromkeys(FULL, 0.0), **marks}


def ada_perfect(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The reference answers with trained weights."""
    return HandedIn(filled(release, answers), FULL, {WEIGHTS: weights})


def ben_other_style(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Right in another style: loops, torch's own operators, a U-Net that adds and does not normalise by batches."""
    own = {
        "iou": """
def iou(pred, target):
    both, either = int(torch.logical_and(pred, target).sum()), int(torch.logical_or(pred, target).sum())
    return both / either if either else float("nan")
""",
        "mean_iou": """
def mean_iou(pred, target, num_classes, ignore_index=255):
    counted, per_class = target != ignore_index, []
    for c in range(num_classes):
        p, t = (pred == c) & counted, (target == c) & counted
        per_class.append((p & t).sum() / (p | t).sum())
    per_class = torch.stack(per_class)
    there = per_class[~per_class.isnan()]
    return there.mean(), per_class
""",
        "convolution_matrix": """
def convolution_matrix(kernel, input_size, stride=1, padding=0):
    pixels = input_size[0] * input_size[1]
    ones = torch.eye(pixels, dtype=kernel.dtype).reshape(pixels, 1, *input_size)
    columns = F.conv2d(ones, kernel[None, None], stride=stride, padding=padding)
    return columns.flatten(1).T.contiguous()
""",
        "transposed_convolution": """
def transposed_convolution(image, kernel, stride=1, padding=0):
    (h, w), (kh, kw) = image.shape, kernel.shape
    large = torch.zeros((h - 1) * stride + kh, (w - 1) * stride + kw, dtype=image.dtype)
    for i in range(h):
        for j in range(w):
            large[i * stride:i * stride + kh, j * stride:j * stride + kw] += image[i, j] * kernel
    return large[padding:large.shape[0] - padding, padding:large.shape[1] - padding]
""",
        "segmentation_loss": """
def segmentation_loss(logits, target, ignore_index=255):
    counted = target != ignore_index
    log_p = logits.log_softmax(dim=1)
    costs = -log_p.gather(1, target.where(counted, 0)[:, None])[:, 0]
    return (costs * counted).sum() / max(int(counted.sum()), 1)
""",
        "UpsampleDecoder": """
class UpsampleDecoder(nn.Module):
    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        self.to_classes = nn.Conv2d(encoder_channels[-1], num_classes, 1)

    def forward(self, features):
        h, w = features[0].shape[-2:]
        large = F.interpolate(features[-1], size=(2 * h, 2 * w), mode="bilinear", align_corners=True)
        return self.to_classes(large)
""",
        "TransposedDecoder": '''
class Up(nn.Module):
    """A transposed convolution of stride 2 and some convolutions, all with a nonlinearity."""

    def __init__(self, wide, narrow, convolutions):
        super().__init__()
        self.grow = nn.ConvTranspose2d(wide, narrow, 2, stride=2)
        self.look = nn.Sequential(*[layer for _ in range(convolutions) for layer in (
            nn.Conv2d(narrow, narrow, 3, padding=1), nn.GroupNorm(1, narrow), nn.LeakyReLU(0.1))])

    def forward(self, x, size):
        return self.look(F.leaky_relu(helpers.fit_to(self.grow(x), size), 0.1))


class TransposedDecoder(nn.Module):
    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        c = list(encoder_channels)
        self.ups = nn.ModuleList([Up(c[i], c[i - 1], 2) for i in range(len(c) - 1, 0, -1)])
        self.last = Up(c[0], c[0], 1)
        self.head = nn.Conv2d(c[0], num_classes, 1)

    def forward(self, features):
        x = features[-1]
        for i, up in enumerate(self.ups):
            x = up(x, features[-2 - i].shape[-2:])
        h, w = features[0].shape[-2:]
        return self.head(self.last(x, (2 * h, 2 * w)))
''',
        "UNetDecoder": """
class UNetDecoder(nn.Module):
    def __init__(self, encoder_channels, num_classes):
        super().__init__()
        c = list(encoder_channels)
        self.ups = nn.ModuleDict({str(i): Up(c[i], c[i - 1], 1) for i in range(1, len(c))})
        self.after = nn.ModuleDict({
            str(i): nn.Sequential(nn.Conv2d(c[i - 1], c[i - 1], 3, padding=1), nn.LeakyReLU(0.1))
            for i in range(1, len(c))})
        self.last = Up(c[0], c[0], 1)
        self.head = nn.Conv2d(c[0], num_classes, 1)

    def forward(self, features):
        x = features[-1]
        for i in range(len(features) - 1, 0, -1):
            skip = features[i - 1]
            x = self.after[str(i)](skip + self.ups[str(i)](x, skip.shape[-2:]))
        h, w = features[0].shape[-2:]
        return self.head(self.last(x, (2 * h, 2 * w)))
""",
        "unpool_with_indices": """
def unpool_with_indices(features, indices, output_size):
    return F.max_unpool2d(features, indices, 2, output_size=tuple(output_size))
""",
        "model": answers["UNetDecoder"].replace("class UNetDecoder", "class Skips")
        + """

def build_model():
    encoder = helpers.small_encoder()
    return helpers.Segmenter(encoder, Skips(encoder.out_channels, 6))
""",
    }
    return HandedIn(filled(release, own), FULL, {WEIGHTS: weights})


def cem_half_done(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The first two questions only; nothing trained."""
    done = {name: answers[name] for name in ("iou", "mean_iou")}
    return HandedIn(filled(release, done), only(iou=2.0, mean_iou=4.0))


def dua_untouched(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """The notebook as released."""
    return HandedIn(copy.deepcopy(release), only())


def eli_known_mistakes(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Known mistakes: absent classes count as 0, a flipped kernel, softmax twice, a U-Net whose skips are zeroed."""
    wrong = {
        "mean_iou": """
def mean_iou(pred, target, num_classes, ignore_index=255):
    counted = target != ignore_index
    pred, target = pred[counted], target[counted]
    hits = torch.stack([((pred == c) & (target == c)).sum() for c in range(num_classes)])
    union = torch.stack([((pred == c) | (target == c)).sum() for c in range(num_classes)])
    per_class = (hits / union).nan_to_num()
    return per_class.mean(), per_class
""",
        "transposed_convolution": answers["transposed_convolution"].replace(
            "kernel[None, None]", "kernel.flip(0, 1)[None, None]"
        ),
        "segmentation_loss": """
def segmentation_loss(logits, target, ignore_index=255):
    return F.cross_entropy(logits.softmax(dim=1), target, ignore_index=ignore_index)
""",
        "UNetDecoder": answers["UNetDecoder"].replace("torch.cat([skip, x], dim=1)", "torch.cat([0 * skip, x], dim=1)"),
    }
    marks = {**FULL, "mean_iou": 2.0, "transposed_convolution": 0.0, "segmentation_loss": 0.0, "UNetDecoder": 1.0}
    marks["model"] = 0.0  # its weights were trained with the skips that are zeroed here
    return HandedIn(filled(release, {**answers, **wrong}), marks, {WEIGHTS: weights})


def fay_crash_and_endless_loop(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """A scratch cell that ends the process, one that never ends, an answer that never returns; the rest is right."""
    notebook = with_crash_and_endless_loop(release, answers, "unpool_with_indices(features, indices, output_size)")
    return HandedIn(notebook, {**FULL, "unpool_with_indices": 0.0}, {WEIGHTS: weights})


def gus_no_skips(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Hands in the decoder without skips as a U-Net, and weights that do not fit it."""
    same = answers["TransposedDecoder"].replace("class TransposedDecoder", "class UNetDecoder")
    marks = {**FULL, "UNetDecoder": 1.0, "model": 0.0}  # the 1 is for its size
    return HandedIn(filled(release, {**answers, "UNetDecoder": same}), marks, {WEIGHTS: weights})


def hal_damaged(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """All right, in a notebook with a copied, a renamed, a deleted and a moved cell."""
    notebook = filled(release, answers)
    cells = notebook["cells"]
    cells.insert(3, copy.deepcopy(cell(notebook, "mean_iou_check")))
    cell(notebook, "iou_check")["metadata"]["nbgrader"]["grade_id"] = "iou_check_2"
    cells.remove(cell(notebook, "UNetDecoder_check"))
    moved = cell(notebook, "convolution_matrix")
    cells.remove(moved)
    cells.append(moved)
    return HandedIn(notebook, FULL, {WEIGHTS: weights})


SUBMISSIONS = by_name(
    ada_perfect,
    ben_other_style,
    cem_half_done,
    dua_untouched,
    eli_known_mistakes,
    fay_crash_and_endless_loop,
    gus_no_skips,
    hal_damaged,
)
