"""What people look at: figures that show themselves, with a text for who cannot see them."""

from helpers.pictures.figure import Picture
from helpers.pictures.masks import mask_grid, matrix, three_kinds, zoom
from helpers.pictures.people import (
    candidates,
    crops_row,
    field,
    field_grid,
    lines,
    masks_and_boxes,
    peaks,
    people_grid,
    person_colour,
    run_times,
)
from helpers.pictures.poses import bars, curves, map_grid, pose_grid, pose_on_image, scene, scene_grid, temperature

__all__ = [
    "Picture",
    "bars",
    "candidates",
    "crops_row",
    "curves",
    "field",
    "field_grid",
    "lines",
    "map_grid",
    "mask_grid",
    "masks_and_boxes",
    "matrix",
    "people_grid",
    "peaks",
    "person_colour",
    "pose_grid",
    "pose_on_image",
    "run_times",
    "scene",
    "scene_grid",
    "temperature",
    "three_kinds",
    "zoom",
]
