"""Eight submissions to exercise 3, each with the marks that it deserves written beside it.

Each function makes one submission from the released notebook; its docstring says what is special about it.
"""

from __future__ import annotations

import copy

from grading.sample_submissions.handing_in import (
    HandedIn,
    by_name,
    filled,
    with_crash_and_endless_loop,
    with_damaged_cells,
)
from grading.sample_submissions.taken import mistakes, right
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
    own = right(
        EXERCISE,
        iou="number",
        mean_iou="masks",
        convolution_matrix="loops",
        transposed_convolution="stamps",
        segmentation_loss="gather",
        unpool_with_indices="torch",
    )
    own |= right("ex03_decoders", UpsampleDecoder="CornersAligned")
    own |= {
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
    wrong = mistakes(
        EXERCISE,
        mean_iou="absent_counts_as_zero",
        transposed_convolution="flipped_kernel",
        segmentation_loss="softmax_first",
    )
    wrong["UNetDecoder"] = answers["UNetDecoder"].replace(
        "torch.cat([skip, x], dim=1)", "torch.cat([0 * skip, x], dim=1)"
    )
    marks = {**FULL, "mean_iou": 2.0, "transposed_convolution": 0.0, "segmentation_loss": 0.0, "UNetDecoder": 2.0}
    marks["model"] = 0.0  # its weights were trained with the skips that are zeroed here
    return HandedIn(filled(release, {**answers, **wrong}), marks, {WEIGHTS: weights})


def fay_crash_and_endless_loop(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """A scratch cell that ends the process, one that never ends, an answer that never returns; the rest is right."""
    notebook = with_crash_and_endless_loop(release, answers, "unpool_with_indices(features, indices, output_size)")
    return HandedIn(notebook, {**FULL, "unpool_with_indices": 0.0}, {WEIGHTS: weights})


def gus_no_skips(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """Hands in the decoder without skips as a U-Net, and weights that do not fit it."""
    same = answers["TransposedDecoder"].replace("class TransposedDecoder", "class UNetDecoder")
    marks = {**FULL, "UNetDecoder": 2.0, "model": 0.0}  # for its size, and for any number of stages
    return HandedIn(filled(release, {**answers, "UNetDecoder": same}), marks, {WEIGHTS: weights})


def hal_damaged(release: NotebookData, answers: dict[str, str], weights: bytes) -> HandedIn:
    """All right, in a notebook with a copied, a renamed, a deleted and a moved cell."""
    notebook = with_damaged_cells(
        release, answers, copied="mean_iou", renamed="iou", deleted="UNetDecoder", moved="convolution_matrix"
    )
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
