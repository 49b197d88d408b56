"""Rendered people: images of posed, dressed people in places, with exact labels. NumPy only.

    >>> scene = render_scene(seed=0, index=7, settings=SceneSettings(people=(2, 4), size=(256, 256)))

The flow: poses and body (where every vertex is) -> placing and things (who stands where) -> background -> layer
(raster, appearance) -> scene (labels).
"""

from helpers.people.appearance import CLOTHES
from helpers.people.scene import Scene, render_scene, renderer_version
from helpers.people.settings import MAX_PEOPLE, SceneSettings

__all__ = ["CLOTHES", "MAX_PEOPLE", "PARTS", "Scene", "SceneSettings", "render_scene", "renderer_version"]

PARTS = (
    "background", "head", "torso", "left_upper_arm", "right_upper_arm", "left_forearm", "right_forearm", "left_hand",
    "right_hand", "left_thigh", "right_thigh", "left_shin", "right_shin", "left_foot", "right_foot",
)  # fmt: skip
