"""Known wrong answers to the warm-up."""

import torch


def width_minus_x(keypoints, width):
    flipped = keypoints.clone()
    flipped[..., 0] = width - keypoints[..., 0]
    return flipped


def flips_y(keypoints, width):
    flipped = keypoints.clone()
    flipped[..., 1] = width - 1 - keypoints[..., 1]
    return flipped


def flips_both(keypoints, width):
    return width - 1 - keypoints


def swaps_x_and_y(keypoints, width):
    return keypoints.flip(-1)


def negative(keypoints, width):
    return keypoints * torch.tensor([-1.0, 1.0], dtype=keypoints.dtype)


def changes_its_arguments(keypoints, width):
    keypoints[..., 0] = width - 1 - keypoints[..., 0]
    return keypoints


KNOWN_WRONG = {
    "flip_keypoints": {
        wrong.__name__: wrong
        for wrong in (width_minus_x, flips_y, flips_both, swaps_x_and_y, negative, changes_its_arguments)
    }
}
