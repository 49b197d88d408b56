"""What people look at: figures that show themselves, with a text for who cannot see them.

what they are made of   figure (a picture, its axes), colours, drawing (images, limbs, boxes), sliders
what is drawn           poses, people, masks, fields, maps, plots
what moves              gallery, explorer

A name is looked up in the module that holds it when it is first used: until something is drawn, matplotlib stays out.
"""

from importlib import import_module
from typing import Any

_HOLDS = {
    "fields": ("candidates", "field", "field_grid", "peaks"),
    "figure": ("Picture",),
    "maps": ("map_grid", "matrix"),
    "masks": ("mask_grid", "three_kinds", "zoom"),
    "people": ("crops_row", "masks_and_boxes", "people_grid"),
    "plots": ("bars", "curves", "lines", "run_times"),
    "poses": ("pose_grid", "scene", "scene_grid"),
}
_MODULE_OF = {name: module for module, names in _HOLDS.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    """Return the function or class called `name`, importing its module on first use (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return globals()[name]


def __dir__() -> list[str]:
    return __all__
