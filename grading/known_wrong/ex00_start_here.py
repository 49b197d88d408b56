"""Known wrong answers to the warm-up."""

import torch  # noqa: F401, for the table

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


def moved(keypoints, axis, to):
    keypoints = keypoints.clone()
    keypoints[..., axis] = to
    return keypoints


def changes_its_arguments(keypoints, width):
    keypoints[..., 0] = width - 1 - keypoints[..., 0]
    return keypoints


FLIP = {
    "width_minus_x": "moved(keypoints, 0, width - keypoints[..., 0])",
    "flips_y": "moved(keypoints, 1, width - 1 - keypoints[..., 1])",
    "flips_both": "width - 1 - keypoints",
    "flips_both.a_pixel_too_far": "width - keypoints",
    "swaps_x_and_y": "keypoints.flip(-1)",
    "negative": "keypoints * torch.tensor([-1.0, 1.0], dtype=keypoints.dtype)",
    "changes_its_arguments": changes_its_arguments,
}

KNOWN_WRONG = {"flip_keypoints": answers("keypoints, width", FLIP, globals())}
