"""Images and their labels, in memory.

shapes of sets     poses (one person an image), people (several), masks (a class for every pixel)
where from         rendered (people of `helpers.people`), leeds, coco, camvid, isbi, pack; load takes any by its name
                   each raises FileNotFoundError, saying what to put where, and ValueError for a damaged file
what is done       batches (what sets share, splits), augment (changes a batch), cache (keeps what was rendered)
what they need     skeletons, photos (opens files and cuts out crops)
"""

from helpers.data.batches import batches
from helpers.data.leeds import leeds_sports
from helpers.data.load import load_people, load_poses, load_segmentation
from helpers.data.masks import SegmentationSet
from helpers.data.pack import photo_pack
from helpers.data.people import PeopleSet
from helpers.data.poses import PoseSet
from helpers.data.rendered import (
    crowd_settings,
    rendered_crowds,
    rendered_instances,
    rendered_people,
    rendered_scene,
    rendered_segmentation,
)
from helpers.data.skeletons import COCO, LSP, Skeleton

__all__ = [
    "COCO", "LSP", "PeopleSet", "PoseSet", "SegmentationSet", "Skeleton", "batches", "crowd_settings", "leeds_sports",
    "load_people", "load_poses", "load_segmentation", "photo_pack", "rendered_crowds", "rendered_instances",
    "rendered_people", "rendered_scene", "rendered_segmentation",
]  # fmt: skip
