"""What a student imports: data -> model -> loss -> training -> metric -> picture.

`import helpers` itself imports nothing: a name is looked up in the module that holds it when it is first used, so the
first line of a notebook is instant and torch comes in when it is needed.
"""

from importlib import import_module

_HOLDS = {
    "backbones": (
        "FineBackbone",
        "SmallBackbone",
        "WeightsUnavailable",
        "efficientnet_lite0_backbone",
        "fine_backbone",
        "pretrainable_backbone",
        "resnet18_backbone",
        "small_backbone",
    ),
    "bottom_up": ("BottomUp",),
    "boundaries": ("boundary_score",),
    "crowds": ("PeopleSet", "crowd_settings", "load_people", "rendered_crowds"),
    "data": ("PoseSet", "batches", "leeds_sports", "load_poses", "rendered_people"),
    "detection": ("PersonDetector",),
    "earlier": ("answers",),
    "ecru": ("Ecru",),
    "encoders": ("Segmenter", "SmallEncoder", "small_encoder"),
    "explorer": ("temperature_explorer",),
    "fitting": ("fit_to",),
    "gallery": ("people_gallery",),
    "machine": ("machine_report",),
    "measure": ("mean_error",),
    "oks": ("average_precision",),
    "rcnn": ("load_keypoint_rcnn", "load_mask_rcnn"),
    "results": ("Results",),
    "seeds": ("set_seed",),
    "segmentation": ("SegmentationSet", "load_segmentation", "rendered_segmentation"),
    "skeletons": ("COCO", "LSP", "Skeleton"),
    "speed": ("pick_device",),
    "training": ("History", "evaluate", "fit", "predict"),
    "weights": ("load_weights", "save_weights"),
}
_MODULES = (
    *_HOLDS,
    "augment",
    "cache",
    "checks",
    "crowd_pictures",
    "mask_pictures",
    "people",
    "pictures",
    "scoremaps",
    "shapes",
    "top_down",
)
_MODULE_OF = {name: module for module, names in _HOLDS.items() for name in names}

__all__ = sorted([*_MODULE_OF, *_MODULES])


def __getattr__(name: str):
    """Return the function, class or module called `name`, importing its module on first use (PEP 562)."""
    if name in _MODULE_OF:
        value = getattr(import_module(f"helpers.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"helpers.{name}")
    hint = ""
    if not name.startswith("_"):
        from difflib import get_close_matches

        close = get_close_matches(name, __all__, n=1)
        hint = f" Did you mean helpers.{close[0]}?" if close else " dir(helpers) lists what there is."
    raise AttributeError(f"helpers has no {name!r}.{hint}")


def __dir__() -> list[str]:
    return __all__
