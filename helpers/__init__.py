"""What a student imports: people -> data -> metrics -> models -> pictures -> training -> checks, each a folder.

Whoever wants to read how an exercise works reads these, from left to right:

    ex01_pose_regression   shapes, data/skeletons, data/poses, data/batches, models/backbones, training/loop,
                           training/schedule, history, data/augment
    ex02_softargmax        models/scoremaps, pictures/explorer
    ex03_segmentation      data/masks, models/encoders, models/ecru, metrics/boundaries
    ex04_multi_person      data/people, models/detection, models/top_down, models/bottom_up, metrics/oks
    ex05_instances         data/rendered, data/masks

`import helpers` itself imports nothing: a name is looked up in the module that holds it when it is first used, so the
first line of a notebook is instant and torch comes in when it is needed.
"""

from importlib import import_module

__version__ = "0.3.0"  # of the course: pyproject.toml takes it from here, and a notebook says which one it needs

_HOLDS = {
    "data": (
        "COCO", "LSP", "PeopleSet", "PoseSet", "SegmentationSet", "Skeleton", "batches", "crowd_settings",
        "leeds_sports", "load_people", "load_poses", "load_segmentation", "photo_pack", "rendered_crowds",
        "rendered_instances", "rendered_people", "rendered_segmentation",
    ),
    "checks.earlier": ("answers",), "checks.hand_in": ("hand_in",), "checks.progress": ("progress",),
    "machine": ("machine_report",), "results": ("Results",), "seeds": ("set_seed",),
    "metrics.boundaries": ("boundary_score",), "metrics.indirect": ("mean_error",),
    "metrics.oks": ("average_precision",),
    "models.backbones": ("FineBackbone", "SmallBackbone", "fine_backbone", "small_backbone"),
    "models.bottom_up": ("BottomUp",), "models.detection": ("PersonDetector",), "models.ecru": ("Ecru",),
    "models.efficientnet": ("pretrainable_backbone",),
    "models.encoders": ("Segmenter", "SmallEncoder", "fit_to", "pad_or_crop", "small_encoder"),
    "models.rcnn": ("WeightsUnavailable", "load_keypoint_rcnn", "load_mask_rcnn"),
    "pictures.explorer": ("temperature_explorer",), "pictures.gallery": ("people_gallery",),
    "training": ("History", "evaluate", "fit", "predict"), "training.speed": ("pick_device",),
    "training.weights": ("load_weights", "save_weights"),
}  # fmt: skip
# What notebooks call a module, and where it is; several names lead into one folder.
_MODULES = {
    "augment": "data.augment", "backbones": "models.backbones", "bottom_up": "models.bottom_up",
    "boundaries": "metrics.boundaries", "cache": "data.cache", "checks": "checks", "crowd_pictures": "pictures",
    "crowds": "data", "data": "data", "detection": "models.detection", "earlier": "checks.earlier",
    "ecru": "models.ecru",
    "encoders": "models.encoders", "explorer": "pictures.explorer", "fitting": "models.encoders",
    "gallery": "pictures.gallery", "machine": "machine", "mask_pictures": "pictures", "measure": "metrics.indirect",
    "metrics": "metrics", "models": "models", "oks": "metrics.oks", "people": "people", "pictures": "pictures",
    "rcnn": "models.rcnn", "results": "results", "scoremaps": "models.scoremaps", "seeds": "seeds",
    "segmentation": "data", "shapes": "shapes", "skeletons": "data.skeletons", "speed": "training.speed",
    "top_down": "models.top_down", "training": "training", "weights": "training.weights",
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOLDS.items() for name in names}

__all__ = sorted(["require", *_MODULE_OF, *_MODULES])


def require(version: str) -> None:
    """Raise ImportError where this copy of helpers is older than `version`, such as "0.2"."""
    own, needed = ([int(part) for part in text.split(".")] for text in (__version__, version))
    if own < needed:
        raise ImportError(f"helpers {__version__} in {__path__[0]} is older than {version}, which this notebook needs")


def __getattr__(name: str) -> object:
    """Return the function, class or module called `name`, importing its module on first use (PEP 562)."""
    if name in _MODULE_OF:
        value = getattr(import_module(f"helpers.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"helpers.{_MODULES[name]}")
    hint = ""
    if not name.startswith("_"):
        from difflib import get_close_matches

        close = get_close_matches(name, __all__, n=1)
        hint = f" Did you mean helpers.{close[0]}?" if close else " dir(helpers) lists what there is."
    raise AttributeError(f"helpers has no {name!r}.{hint}")


def __dir__() -> list[str]:
    return __all__
