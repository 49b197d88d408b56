"""COCO's photos: people of whole photos, one person an image, and where people are, pixel by pixel."""

from helpers.data.coco.crops import coco_poses
from helpers.data.coco.masks import coco_masks
from helpers.data.coco.people import coco_annotations, coco_people

__all__ = ["coco_annotations", "coco_masks", "coco_people", "coco_poses"]
