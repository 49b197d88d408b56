"""The gallery: rendered people, with a slider for each thing that makes a pose hard to see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helpers.people import SceneSettings, render_scene
from helpers.pictures.sliders import show_with_sliders

if TYPE_CHECKING:
    from helpers.pictures.figure import Picture

SCENES = 8


def gallery_picture(
    seed: int = 0, people: int = 1, poses: bool = True, size: tuple[int, int] = (144, 144), **knobs: Any
) -> Picture:
    """Return a grid of rendered scenes, with 1 to 30 people in each, drawn with or without their poses.

    `knobs` are crowding, occlusion, truncation, scale and appearance, see `helpers.people.SceneSettings`.
    """
    from helpers.pictures.poses import scene_grid  # brings matplotlib, which has to wait until something is drawn

    settings = SceneSettings(size=size, people=(people, people), **knobs)
    scenes = [render_scene(seed, index, settings) for index in range(SCENES)]
    words = ", ".join(f"{name} {value}" for name, value in {"people": people, **knobs}.items())
    return scene_grid(scenes, poses=poses, title=words, show=False)


def people_gallery() -> None:
    """Show rendered scenes and, where the notebook has widgets, the sliders that change them."""
    show_with_sliders("gallery", "helpers.gallery.gallery_picture().save('gallery.png')", gallery_picture, _sliders)


def _sliders() -> dict[str, Any]:
    """Return one widget for each argument of `gallery_picture`, at the defaults of the exercises."""
    from ipywidgets import Checkbox, FloatRangeSlider, FloatSlider, IntSlider

    default = SceneSettings()

    def slider(kind: Any, name: str, value: object, low: float, high: float, **step: float) -> Any:
        style = {"description_width": "80px"}
        return kind(value=value, min=low, max=high, description=name, continuous_update=False, style=style, **step)

    shares = ("crowding", "occlusion", "truncation", "appearance")
    return {
        "people": slider(IntSlider, "people", 1, 1, 8),
        **{name: slider(FloatSlider, name, getattr(default, name), 0, 1, step=0.05) for name in shares},
        "scale": slider(FloatRangeSlider, "scale", default.scale, 0.1, 1.3, step=0.05),
        "seed": slider(IntSlider, "seed", 0, 0, 99),
        "poses": Checkbox(value=True, description="poses"),
    }
