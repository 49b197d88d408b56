"""The decoders of exercise 3 over several seeds, and another library's U-Net, all trained for the same time.

    python -m benchmarks segmentation --seeds 0 1 2 3 4 --data rendered_people --rows "transposed convolutions" U-Net
    DEEP_LEARNING_LAB_CAMVID=... python -m benchmarks segmentation --data camvid --weighted --cpu-time

The code is that of the solution's cells, with another seed and perhaps other images. `smp` is the U-Net of
segmentation_models_pytorch on a ResNet-18 without pretrained weights. `--weighted` gives both the same class weights,
1 / sqrt(share of the class in the training pixels). `--cpu-time` lets seconds of the processor count, those of all
threads together: on a busy machine the clock would give one network more steps than the other.
"""

from __future__ import annotations

import argparse
import contextlib
import warnings

from benchmarks.cells import cpu_time, run_cells
from benchmarks.row import Row, print_rows

__all__ = ["main"]

EXERCISE = "ex03_segmentation"
COMMON = ("setup", "data", "mean-iou", "segmentation-loss", "UpsampleDecoder", "TransposedDecoder", "UNetDecoder",
          "unpool-with-indices", "training-setup")  # fmt: skip
TRAINED_BY = {
    "upsampling": ("upsample-training",),
    "transposed convolutions": ("transposed-training",),
    "U-Net": ("model", "training"),
    "ECRU": ("ecru-training",),
}
SMP = """
import segmentation_models_pytorch
helpers.set_seed(1)


class Theirs(nn.Module):
    def __init__(self):
        super().__init__()
        self.unet = segmentation_models_pytorch.Unet("resnet18", encoder_weights=None, classes=NUM_CLASSES)

    def forward(self, images):
        return self.unet((images - 0.45) / 0.25)


theirs = Theirs()
compare("smp", theirs, train_network(theirs))
"""
SIZES = {"camvid": (192, 256)}  # divisible by 32, as the other library needs
PLAIN_LOSS = """
def loss(logits, batch):
    return segmentation_loss(logits, batch["masks"])
"""
WEIGHTED_LOSS = """
SHARE_WEIGHTS = torch.tensor(list(train.class_shares().values())).clamp(min=1e-4).rsqrt()

def loss(logits, batch):
    return F.cross_entropy(logits, batch["masks"], SHARE_WEIGHTS.to(logits), ignore_index=255)
"""


def run(seed: int, data: str, rows: list[str], weighted: bool = False) -> dict[str, dict[str, float]]:
    """Train the networks of these rows with another seed and return their numbers."""
    wanted = [*COMMON, *(cell for row in TRAINED_BY if row in rows for cell in TRAINED_BY[row])]
    changed = {
        'DATA = "rendered_people"': f'DATA = "{data}"',
        "helpers.load_segmentation(DATA, split)": f"helpers.load_segmentation(DATA, split, size={SIZES.get(data)})",
        "helpers.set_seed(1)": f"helpers.set_seed({seed})",
    } | ({PLAIN_LOSS: WEIGHTED_LOSS} if weighted else {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the other library imports is not ours to mend
        names = run_cells(EXERCISE, wanted, changed, SMP if "smp" in rows else "")
    return {name.removesuffix(f", {data}"): numbers for name, numbers in names["results"].rows.items()}


def main(arguments: list[str]) -> int:
    """Print the numbers of every row for each seed, and how far the U-Net is ahead of the others."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks segmentation")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--data", nargs="+", default=["rendered_people"], choices=["rendered_people", "camvid"])
    parser.add_argument(
        "--rows", nargs="+", choices=[*TRAINED_BY, "smp"], default=["transposed convolutions", "U-Net", "smp"]
    )
    parser.add_argument("--weighted", action="store_true", help="the same class weights for all: 1 / sqrt(share)")
    parser.add_argument("--cpu-time", action="store_true", help="equal seconds of the processor, not of the clock")
    options = parser.parse_args(arguments)
    ahead = []
    for data in options.data:
        for seed in options.seeds:
            with cpu_time() if options.cpu_time else contextlib.nullcontext():
                table = run(seed, data, options.rows, options.weighted)
            for name, numbers in table.items():
                shown = "  ".join(f"{k} {v:.4g}" for k, v in numbers.items())
                print(f"{data}, seed {seed}  {name:24}{shown}", flush=True)
            ahead += _ahead(f"{data}, seed {seed}", table)
    if ahead:
        print_rows(ahead)
    return 0


def _ahead(where: str, table: dict[str, dict[str, float]]) -> list[Row]:
    """Return by how much the mean IoU of the U-Net is above that of the network without skips, and of the other's."""
    rows = []
    for other, reach in (("transposed convolutions", 0.1), ("smp", 0.0)):
        if {"U-Net", other} <= table.keys():
            ours, theirs = table["U-Net"]["mIoU"], table[other]["mIoU"]
            note = f"{ours:.3f} against {theirs:.3f}, trained {table['U-Net']['seconds']:.0f} s each"
            rows.append(Row(f"U-Net - {other}, mIoU, {where}", ours - theirs, reach, note=note))
    return rows
