"""Trains the backbone of exercise 4 at length on rendered people, once: what `fine_backbone(pretrained=True)` gives.

    python -m tools.bake_backbone                     # about an hour on one core
    python -m tools.bake_backbone --device cuda       # minutes on a GPU

Three heads share the backbone while it learns, one of each network that will start from it, so that none of them is
ahead of the others: bottom-up's maps and the detector's boxes on whole scenes, one person's scoremaps on crops. The
heads are thrown away. No scene is one of the course's sets or of those that grading draws: the seeds are others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import helpers
from grading.course.course import Course
from helpers.data import augment
from helpers.data.people import PeopleSet
from helpers.data.skeletons import COCO
from helpers.files import ROOT
from helpers.models import bottom_up, detection
from helpers.models.backbones import FineBackbone, conv_bn_relu
from helpers.models.scoremaps import map_cross_entropy, to_map
from tools.start_file import write_start

Batch = dict[str, Tensor]
SEED = 4711  # of the scenes, and of what is drawn in training
PEOPLE, STRIDE, CROP = 4, 4, (96, 80)
EXERCISE = "ex04_multi_person"
# What the scenes are like: a half as in exercise 4, a quarter harder, a quarter with one person and strange places.
KINDS: list[dict[str, Any]] = [
    {},
    {"people": (1, 4), "crowding": 0.4, "occlusion": 0.2, "truncation": 0.2, "scale": (0.4, 1.0), "appearance": 0.8},
    {"people": (1, 1), "crowding": 0.0, "occlusion": 0.3, "truncation": 0.1, "scale": (0.6, 1.1), "appearance": 1.0},
]
SHARES = (2, 1, 1)


class ThreeHeads(nn.Module):
    """The backbone with a head of each network of exercise 4."""

    def __init__(self, backbone: FineBackbone):
        super().__init__()
        self.backbone = backbone
        self.maps = bottom_up.BottomUp(backbone, lambda *_: [], lambda *_: torch.empty(0))
        self.boxes = detection.PersonDetector(backbone)
        self.pose = nn.Sequential(conv_bn_relu(backbone.out_channels, 64), nn.Conv2d(64, COCO.num_keypoints, 1))

    def forward(self, scenes: Tensor, crops: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        features = self.backbone(scenes)
        scores = self.pose(self.backbone(crops))
        return self.maps.from_features(features), self.boxes.from_features(features), scores.float()


def scenes(count: int) -> list[PeopleSet]:
    """Return so many scenes of every kind, rendered or from the cache, without their masks."""
    counts = [count * share // sum(SHARES) for share in SHARES]
    return [
        helpers.rendered_crowds("train", some, settings=helpers.crowd_settings(**knobs), seed=SEED + number)
        for number, (knobs, some) in enumerate(zip(KINDS, counts, strict=True))
    ]


def tensors(sets: list[PeopleSet]) -> Batch:
    """Return what is learned from, of all sets: rows of four people, those that are missing are absent."""
    wanted = ("keypoints", "visibility", "boxes_xyxy", "present", "ignored")
    joined = {name: torch.cat([_of_four(getattr(data, name)) for data in sets]) for name in wanted}
    return {"images": torch.cat([data.images for data in sets]), **joined}


def _of_four(rows: Tensor) -> Tensor:
    """Return labels (N, P, ...) as (N, 4, ...), with empty rows behind."""
    return torch.cat([rows, rows.new_zeros(len(rows), PEOPLE - rows.shape[1], *rows.shape[2:])], dim=1)


def moved(batch: Batch) -> Batch:
    """Return scenes mirrored, scaled, shifted and recoloured, with their people."""
    images, boxes, order = batch["images"] / 255, batch["boxes_xyxy"], list(COCO.flip_order)
    count, _, height, width = images.shape
    mirrored = torch.rand(count, 1, 1, 1, device=images.device) < 0.5
    images = augment.turned(images, mirrored.flatten())
    other = batch["keypoints"][:, :, order] * images.new_tensor([-1, 1]) + images.new_tensor([width - 1, 0])
    keypoints = torch.where(mirrored, other, batch["keypoints"])
    visibility = torch.where(mirrored[..., 0], batch["visibility"][:, :, order], batch["visibility"])
    x1, y1, x2, y2 = boxes.unbind(dim=-1)
    boxes = torch.where(mirrored[..., 0], torch.stack([width - 1 - x2, y1, width - 1 - x1, y2], dim=-1), boxes)

    points = torch.cat([keypoints, boxes.unflatten(-1, (2, 2))], dim=2)  # (B, P, K + 2, 2): boxes move, too
    seen = torch.cat([visibility, visibility.new_ones(*visibility.shape[:2], 2)], dim=2)
    matrices = augment.random_affine(count, (height, width), 0.0, (0.7, 1.4), 0.1)
    flat = {"images": images, "keypoints": points.flatten(1, 2), "visibility": seen.flatten(1, 2)}
    after = augment.warp({**flat, "visible": flat["visibility"] > 0}, matrices)
    points, visible = after["keypoints"].unflatten(1, (PEOPLE, -1)), after["visible"].unflatten(1, (PEOPLE, -1))
    whole, limits = points[:, :, -2:].flatten(2), images.new_tensor([width - 1, height - 1] * 2)
    boxes = torch.minimum(whole.clamp(min=0), limits)
    areas, before = ((b[..., 2:] - b[..., :2]).prod(dim=-1) for b in (boxes, whole))
    gone = areas < detection.LEFT * before
    return {
        "images": augment.recolour(after["images"], *(1 + 0.4 * (2 * torch.rand(3, count) - 1)).to(images.device)),
        "keypoints": points[:, :, :-2], "visible": visible[:, :, :-2], "boxes_xyxy": boxes,
        "present": batch["present"], "ignored": (batch["ignored"] | gone) & batch["present"],
    }  # fmt: skip


def crops_of(batch: Batch, boxes_to_crops: Callable[..., Any]) -> Batch:
    """Return a crop of one person of each scene that shows one, turned by up to 40 degrees."""
    chances = torch.rand_like(batch["ignored"], dtype=torch.float32) * (batch["present"] & ~batch["ignored"])
    best, person = chances.max(dim=1)
    image = (best > 0).nonzero()[:, 0]
    person = person[image]
    boxes = batch["boxes_xyxy"][image, person]
    extent = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    boxes = boxes + 0.08 * extent * (2 * torch.rand_like(boxes) - 1)
    images, transforms = boxes_to_crops(batch["images"][image], list(boxes[:, None]), CROP)
    matrix, shift = transforms[..., :2], transforms[..., 2:]
    keypoints = torch.linalg.solve(matrix, batch["keypoints"][image, person].mT - shift).mT
    last = images.new_tensor([CROP[1] - 1, CROP[0] - 1])
    visible = batch["visible"][image, person] & ((keypoints >= 0) & (keypoints <= last)).all(dim=-1)
    one = {"images": images, "keypoints": keypoints, "visible": visible, "visibility": 2 * visible.byte()}
    return augment.pose(COCO, flip=0, colour=0, warped=0.6, rotation=40, scale=(0.85, 1.15), translation=0.05)(one)


def batches(data: Batch, steps: int, size: int, device: str) -> Iterator[Batch]:
    """Yield `steps` batches, every scene once before any comes again."""
    rows: Tensor = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(rows) < size:
            rows = torch.cat([rows, torch.randperm(len(data["images"]))])
        now, rows = rows[:size], rows[size:]
        yield {name: tensor[now].to(device) for name, tensor in data.items()}


def bake(
    data: Batch, steps: int, size: int, lr: float, device: str, keep: Callable[[FineBackbone], object]
) -> FineBackbone:  # fmt: skip
    """Return the backbone after so many steps; `keep` gets it every 2,000, so that an interrupt loses little."""
    answers = Course(ROOT, EXERCISE).reference_answers()
    boxes_to_crops, draw_fields = answers["boxes_to_crops"], answers["part_affinity_fields"]
    model = ThreeHeads(helpers.fine_backbone()).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=1e-2, fused=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.05)
    start, sums = time.perf_counter(), torch.zeros(3)
    for step, batch in enumerate(batches(data, steps, size, device), 1):
        batch = moved(batch)
        crops = crops_of(batch, boxes_to_crops)
        size_of = (batch["images"].shape[2], batch["images"].shape[3])
        batch |= bottom_up.target_maps(batch["keypoints"], batch["visible"], size_of, COCO, draw_fields, STRIDE)
        wanted = bottom_up.target_heatmaps(
            to_map(crops["keypoints"], STRIDE)[:, None],
            crops["visible"][:, None],
            (CROP[0] // STRIDE, CROP[1] // STRIDE),
        )
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            maps, boxes, scores = model(batch["images"], crops["images"])
        losses = (
            bottom_up.field_loss(maps, batch), detection.detection_loss(boxes, batch), map_cross_entropy(scores, wanted)
        )  # fmt: skip
        optimizer.zero_grad(set_to_none=True)
        torch.stack(losses).sum().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        rate.step()
        sums += torch.stack(losses).detach().cpu()
        if step % 200 == 0:
            shown = "  ".join(
                f"{name} {value:.3f}" for name, value in zip(("maps", "boxes", "pose"), sums / 200, strict=True)
            )
            print(f"step {step} of {steps}, {time.perf_counter() - start:.0f} s: {shown}", flush=True)
            sums.zero_()
        if step % 2000 == 0:
            keep(model.backbone)
    return model.backbone.cpu()


def chosen(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the settings; by themselves they are those of the file that is shipped."""
    parser = argparse.ArgumentParser(prog="python -m tools.bake_backbone", description=__doc__)
    parser.add_argument("--scenes", type=int, default=24000)
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(arguments)


def notes_on(options: argparse.Namespace) -> dict[str, object]:
    """Return what the file says of how it was made."""
    return {"made_by": "tools.bake_backbone", "seed": SEED, **vars(options)}


def main() -> None:
    """Bake the backbone and write its file."""
    options = chosen()
    data = tensors(scenes(options.scenes))
    helpers.set_seed(SEED)

    def keep(backbone: FineBackbone) -> Path:
        return write_start(backbone, "fine_backbone", **notes_on(options))

    print(keep(bake(data, options.steps, options.batch, options.lr, options.device, keep)))


if __name__ == "__main__":
    main()
