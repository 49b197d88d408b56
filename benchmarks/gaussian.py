"""The reference `gaussian_scoremaps` against one exponential per pixel, at the size of the exercise's training."""

from __future__ import annotations

from benchmarks.row import Row, paired_ratio
from grading.course.course import Course
from helpers.files import ROOT

__all__ = ["rows"]

BATCH, KEYPOINTS, SIZE, SIGMA = 32, 17, (32, 32), 1.5


def rows(pairs: int = 60) -> list[Row]:
    """Return dense time / reference time on one thread, and the largest difference of the maps."""
    import torch

    answer = Course(ROOT, "ex02_softargmax").reference_answers()["gaussian_scoremaps"]
    torch.manual_seed(0)
    keypoints = torch.rand(BATCH, KEYPOINTS, 2) * torch.tensor([SIZE[1] - 1, SIZE[0] - 1])
    visible = torch.rand(BATCH, KEYPOINTS) < 0.9

    def dense():
        ys, xs = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
        x, y = keypoints[..., None, None].unbind(dim=2)  # (B, K, 1, 1) each
        maps = torch.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * SIGMA**2))  # (B, K, H, W)
        return maps * visible[..., None, None]

    def separable():
        return answer(keypoints, visible, SIZE, SIGMA)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ratio = paired_ratio(dense, separable, pairs)
    finally:
        torch.set_num_threads(threads)
    difference = float((dense() - separable()).abs().max())
    note = f"{BATCH} x {KEYPOINTS} maps of {SIZE[0]} x {SIZE[1]}, float32"
    return [
        Row("Gaussian maps, dense / reference", ratio, 6, note=f"time, {note}, one thread"),
        Row("Gaussian maps, difference from dense", difference, 1e-6, at_least=False, note=f"largest, {note}"),
    ]
