"""What `import helpers` offers, and that it costs nothing until it is used."""

import subprocess
import sys

import pytest

import helpers

NAMES = """
    BottomUp COCO Ecru FineBackbone History LSP PeopleSet PersonDetector PoseSet Results SegmentationSet Segmenter
    Skeleton SmallBackbone SmallEncoder WeightsUnavailable answers augment average_precision backbones batches
    bottom_up boundaries boundary_score cache checks crowd_pictures crowd_settings crowds data detection earlier
    ecru encoders evaluate explorer fine_backbone fit fit_to fitting gallery hand_in
    leeds_sports load_keypoint_rcnn load_mask_rcnn load_people load_poses load_segmentation load_weights machine
    machine_report mask_pictures mean_error measure metrics models oks pad_or_crop people people_gallery photo_pack
    pick_device pictures predict pretrainable_backbone progress rcnn rendered_crowds rendered_instances rendered_people
    rendered_segmentation require results save_weights scoremaps seeds segmentation set_seed shapes skeletons
    small_backbone
    small_encoder speed temperature_explorer top_down training weights
"""
# What notebooks call a thing that has another name where it lies.
ELSEWHERE = {
    "crowd_pictures": "pictures",
    "crowds": "data",
    "fit_to": "pad_or_crop",
    "fitting": "encoders",
    "mask_pictures": "pictures",
    "measure": "indirect",
    "segmentation": "data",
}


def test_all_names_are_those_listed_here():
    assert helpers.__all__ == sorted(NAMES.split())


@pytest.mark.parametrize("name", NAMES.split())
def test_every_name_can_be_had(name):
    thing = getattr(helpers, name)
    found = getattr(thing, "__name__", f"helpers.{thing!r}").rpartition(".")[2]
    assert found == ELSEWHERE.get(name, name) or thing.name == name


def test_import_alone_loads_nothing_else():
    code = "import sys, helpers; print(sorted(m for m in ('torch', 'numpy', 'matplotlib', 'tqdm') if m in sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_all_names_load_no_plotting_widgets_or_scipy():
    code = (
        "import sys, helpers; [getattr(helpers, n) for n in helpers.__all__]; "
        "print(sorted(m for m in ('matplotlib', 'ipywidgets', 'scipy', 'requests', 'IPython') if m in sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_function_is_not_hidden_by_a_module_of_its_name():
    code = "import helpers.checks.progress, helpers; print(callable(helpers.progress))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "True"


def test_a_name_that_is_not_there_is_answered_with_a_close_one():
    with pytest.raises(AttributeError, match="Did you mean helpers.set_seed"):
        helpers.setseed  # noqa: B018 the access is the test


def test_star_import_gives_the_names():
    code = "from helpers import *; print(set_seed.__name__)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set_seed"
