"""What people look at: figures that show themselves, with a text for who cannot see them.

what they are made of   figure (a picture, its axes), colours, drawing (images, limbs, boxes), sliders
what is drawn           poses, people, masks, fields, maps, plots
what moves              gallery, explorer
"""

from helpers.pictures.colours import person_colour
from helpers.pictures.fields import candidates, field, field_grid, peaks
from helpers.pictures.figure import Picture
from helpers.pictures.maps import map_grid, matrix, temperature
from helpers.pictures.masks import mask_grid, three_kinds, zoom
from helpers.pictures.people import crops_row, masks_and_boxes, people_grid
from helpers.pictures.plots import bars, curves, lines, run_times
from helpers.pictures.poses import pose_grid, pose_on_image, scene, scene_grid

# fmt: off
__all__ = [
    "Picture", "bars", "candidates", "crops_row", "curves", "field", "field_grid", "lines", "map_grid", "mask_grid",
    "masks_and_boxes", "matrix", "peaks", "people_grid", "person_colour", "pose_grid", "pose_on_image", "run_times",
    "scene", "scene_grid", "temperature", "three_kinds", "zoom",
]
# fmt: on
