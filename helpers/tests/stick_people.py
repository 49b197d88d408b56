"""Stick figures with a pose, quick to draw: images for tests that need a network to learn something."""

import numpy as np
import torch
from PIL import Image, ImageDraw

from helpers.data.poses import PoseSet
from helpers.data.skeletons import COCO

# x, y of a standing person of height 1, head on top; left limbs to the right, as one sees a person from the front
STANDING = np.array(
    [
        (0.0, 0.08),
        (0.02, 0.06),
        (-0.02, 0.06),
        (0.05, 0.07),
        (-0.05, 0.07),
        (0.11, 0.2),
        (-0.11, 0.2),
        (0.16, 0.35),
        (-0.16, 0.35),
        (0.18, 0.48),
        (-0.18, 0.48),
        (0.07, 0.5),
        (-0.07, 0.5),
        (0.09, 0.74),
        (-0.09, 0.74),
        (0.1, 0.97),
        (-0.1, 0.97),
    ]
)


def stick_people(count: int, size: tuple[int, int] = (64, 48), seed: int = 0, bend: float = 0.04) -> PoseSet:
    """Return `count` stick figures of random place, size and pose on a coloured ground, some keypoints hidden."""
    rng, (height, width) = np.random.default_rng(seed), size
    keypoints = STANDING + rng.normal(0, bend, (count, 17, 2)) - (0, 0.5)
    keypoints *= rng.uniform(0.4, 0.8, (count, 1, 1)) * height
    keypoints += rng.uniform((0.3 * width, 0.42 * height), (0.7 * width, 0.58 * height), (count, 2))[:, None]
    images = np.stack([_drawn(points, rng, size) for points in keypoints])
    inside = ((keypoints >= 0) & (keypoints <= (width - 1, height - 1))).all(-1)
    visibility = np.where(inside, rng.choice([1, 2], (count, 17), p=[0.2, 0.8]), 0).astype(np.uint8)
    boxes = np.concatenate([keypoints.min(1), keypoints.max(1)], 1).astype(np.float32)
    tensors = [torch.from_numpy(x) for x in (images, keypoints.astype(np.float32), visibility, boxes)]
    return PoseSet(*tensors, skeleton=COCO, name="stick people")


def _drawn(points: np.ndarray, rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    image = Image.new("RGB", (width, height), tuple(rng.integers(0, 120, 3).tolist()))
    draw, line = ImageDraw.Draw(image), max(1, height // 32)
    for a, b in COCO.limbs:
        left = COCO.keypoint_names[b].startswith("left")
        draw.line([*points[a], *points[b]], fill=(255, 200, 80) if left else (90, 220, 255), width=line)
    noise = rng.integers(-12, 13, (height, width, 3))
    return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8).transpose(2, 0, 1).copy()
