"""Known wrong answers to exercise 4's `crops_to_image`."""

from __future__ import annotations

import torch

from grading.known_wrong.table import answers

__all__ = ["KNOWN_WRONG"]


def _parts(transforms):
    return transforms[:, :, :2], transforms[:, None, :, 2]


def _image(keypoints, matrix, shift):
    return keypoints @ matrix.transpose(1, 2) + shift


def points_changes_its_arguments(keypoints, transforms):
    keypoints[:] = _image(keypoints, *_parts(transforms))
    return keypoints


def points_no_crops_raises(keypoints, transforms):
    pairs = zip(keypoints, transforms, strict=True)
    return torch.stack([points @ transform[:, :2].T + transform[:, 2] for points, transform in pairs])


POINTS_GIVEN = {
    "matrix, shift": "_parts(transforms)",
    "image": "_image(keypoints, matrix, shift)",
    "ones": "torch.ones_like(keypoints[..., :1])",
}

POINTS = {
    "inverse": "_image(keypoints - shift, torch.linalg.inv(matrix), 0)",
    "inverse.divided": "(keypoints - shift) / matrix.diagonal(dim1=1, dim2=2)[:, None]",
    "not_moved": "keypoints.clone()",
    "not_moved.zeros": "torch.zeros_like(keypoints)",
    "twice": "_image(image, matrix, shift)",
    "twice.the_matrix": "_image(_image(keypoints, matrix, 0), matrix, shift)",
    # The K points of a crop, as if they were two rows of K numbers.
    "reshaped": "(matrix @ keypoints.reshape(len(keypoints), 2, -1)).reshape(keypoints.shape) + shift",
    "transposed_matrix": "keypoints @ matrix + shift",
    "x_y_swapped": "_image(keypoints.flip(2), matrix, shift)",
    "x_y_swapped.result": "image.flip(2)",
    "x_y_swapped.both": "_image(keypoints.flip(2), matrix, shift).flip(2)",
    "shift_forgotten": "_image(keypoints, matrix, 0)",
    "shift_before_matrix": "_image(keypoints + shift, matrix, 0)",
    "shift_subtracted": "_image(keypoints, matrix, -shift)",
    "shift_swapped": "_image(keypoints, matrix, shift.flip(2))",
    "scale_only": "keypoints * matrix.diagonal(dim1=1, dim2=2)[:, None] + shift",
    "one_scale": "keypoints * transforms[:, :1, :1] + shift",
    "one_scale.from_the_determinant": "keypoints * torch.linalg.det(matrix).abs().sqrt()[:, None, None] + shift",
    "off_diagonal_sign": "_image(keypoints, matrix * matrix.new_tensor([[1, -1], [-1, 1]]), shift)",
    "first_transform": "_image(keypoints, matrix[:1], shift[:1])",
    "first_transform.shift": "_image(keypoints, matrix, shift[:1])",
    # One shift for each keypoint number: fits where there are as many keypoints as crops.
    "wrong_axis": "keypoints @ matrix.transpose(1, 2) + transforms[:, :, 2]",
    # Keypoints (N, K, 2) by matrices (N, 2, 2) along the keypoints.
    "wrong_axis.matrix": "torch.einsum('kij,nkj->nki', matrix, keypoints) + transforms[:, :, 2]",
    "homogeneous": "torch.cat([image, ones], dim=2)",
    "one_first": "torch.cat([ones, keypoints], dim=2) @ transforms.transpose(1, 2)",
    "half_pixel": "_image(keypoints + 0.5, matrix, shift)",
    "half_pixel.and_back": "_image(keypoints + 0.5, matrix, shift) - 0.5",
    "half_pixel.in_the_image": "image + 0.5",
    "rounded": "image.round()",
    "rounded.down": "image.long().to(keypoints.dtype)",
    "clamped": "image.clamp(min=0)",
    "clamped.in_the_crop": "_image(keypoints.clamp(min=0), matrix, shift)",
    "list_of_crops": "list(image)",
    "flattened": "image.flatten(0, 1)",
    "flattened.transposed": "image.transpose(1, 2)",
    "changes_its_arguments": points_changes_its_arguments,
    "not_in_the_dtype": "image.float()",
    "no_crops_raises": points_no_crops_raises,
}

KNOWN_WRONG: dict[str, dict[str, object]] = {
    "crops_to_image": answers("keypoints, transforms", POINTS, globals(), POINTS_GIVEN)
}
