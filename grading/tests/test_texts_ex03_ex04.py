"""What the texts of exercises 3 and 4 say of a picture or a table is what comes, wherever a number can tell."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import helpers
from benchmarks.cells import code_of
from helpers.files import ROOT
from helpers.history import History

pytestmark = pytest.mark.usefixtures("one_thread")


def ran(exercise: str, *wanted: str, **names: Any) -> dict[str, Any]:
    """Return what these cells define, given what others would have."""
    names["__name__"] = "cells"
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code_of(exercise, ("setup", *wanted), {}), names)
    return names


def text_of(exercise: str, cell: str) -> str:
    notebook = json.loads((ROOT / "solutions" / exercise / f"{exercise}.ipynb").read_text(encoding="utf-8"))
    [found] = ["".join(one["source"]) for one in notebook["cells"] if one["id"] == cell]
    return found


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    wanted = ("UpsampleDecoder", "TransposedDecoder", "UNetDecoder", "unpool-with-indices")
    names = ran("ex03_segmentation", *wanted)
    encoder = helpers.small_encoder()
    decoders = {"upsampling": "UpsampleDecoder", "transposed": "TransposedDecoder", "U-Net": "UNetDecoder"}
    whole = {
        name: helpers.Segmenter(encoder, names[decoder](encoder.out_channels, 6)) for name, decoder in decoders.items()
    }
    return whole | {"ECRU": helpers.Ecru(6, names["unpool_with_indices"])}


def test_an_even_board_is_drawn_even_and_neither_black_nor_white():
    names = ran("ex03_segmentation", "transposed-convolution", "checkerboards")
    three, two, four = names["boards"]
    assert two.std() == 0 and 0.2 < float(two.mean()) / names["highest"] < 0.8
    assert four[2:, 2:].std() < 1e-6 < 0.1 < three[2:, 2:].std()  # the border is two pixels wide


def test_the_rows_of_the_matrices_are_as_the_text_reads_them():
    convolution_matrix = ran("ex03_segmentation", "convolution-matrix")["convolution_matrix"]
    kernel = torch.arange(1.0, 10).view(3, 3) - 5.5
    first, second = (convolution_matrix(kernel, (5, 6), *how) != 0 for how in ((1, 0), (2, 1)))
    assert (first.sum(dim=1) == 9).all() and len(second) < len(first)
    starts = first.int().argmax(dim=1)
    assert starts.diff().tolist() == [1, 1, 1, 3] * 2 + [1, 1, 1]  # four results a row, of six pixels
    assert set(second.sum(dim=1).tolist()) == {4, 6, 9}


def test_the_sizes_of_the_networks_are_as_the_texts_say(networks):
    sizes = {name: size(network) for name, network in networks.items()}
    assert sizes["transposed"] / sizes["upsampling"] == pytest.approx(1.3, abs=0.02)
    assert sizes["U-Net"] / sizes["transposed"] == pytest.approx(1, abs=0.1)
    assert sizes["ECRU"] / sizes["U-Net"] == pytest.approx(1 / 3, abs=0.03)


def test_skips_and_indices_take_the_memory_that_the_sample_answer_names(networks):
    unpool, images = networks["ECRU"].unpool, torch.zeros(1, 3, 128, 128)
    names = ran("ex03_segmentation", "memory", unpool_with_indices=unpool, ecru=networks["ECRU"],
                model=networks["U-Net"], images=images)  # fmt: skip
    assert names["skip_bytes"] / 1024 == 336 and sum(names["kept"]) / 4 / 1024 == 15
    assert "keeps 15 KiB per image instead of the 336" in text_of("ex03_segmentation", "words-1")


def test_no_column_of_the_table_is_a_clock_read_once():
    assert "images/s" not in text_of("ex03_segmentation", "training-setup")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_hand_enlarged_shows_a_hand_before_a_wall_whichever_images_differ_most(seed):
    some = helpers.load_segmentation("rendered_people", "test", count=48, progress=False)
    gain = torch.rand(len(some), generator=torch.Generator().manual_seed(seed))
    names = ran("ex03_segmentation", "magnifying-glass", DATA="rendered_people", test=some, gain=gain,
                truth=some.batch()["masks"], predictions={})  # fmt: skip
    (x, y), mask = names["wrist"], names["truth"][names["place"]]
    square = mask[max(y - 14, 0) : y + 14, max(x - 14, 0) : x + 14]
    shares = {name: float((square == k).float().mean()) for k, name in enumerate(some.class_names)}
    assert shares["background"] > 0.4 and 0.05 < shares["skin"] < 0.4 and not shares["hair"]


@pytest.mark.parametrize(
    ("exercise", "cells"),
    [
        ("ex03_segmentation", ["training-setup"]),
        ("ex04_multi_person", ["train-detector", "train-pose-cell", "training"]),
        ("ex05_instances", ["training"]),
    ],
    ids=["3", "4", "5"],
)
def test_the_two_panels_of_a_training_have_two_titles(exercise, cells):
    for cell in cells:
        _, _, after = text_of(exercise, cell).partition('metrics={"')
        history = History(after.partition('"')[0])
        history.add(1.0, 0.1, 1.0, {history.metric: 0.5}, {})
        titles = [axis.get_title() for axis in helpers.pictures.curves(history, show=False).figure.axes]
        assert len(titles) == len(set(titles)) == 2, (cell, titles)


def test_perfect_maps_give_the_people_that_the_text_counts():
    some = helpers.load_people("rendered_crowds", "test", count=60, progress=False)
    assert int(some.present.sum()) == 179
    heights = (some.boxes_xyxy[..., 3] - some.boxes_xyxy[..., 1])[some.present]
    assert heights.quantile(torch.tensor([0.25, 0.75])).tolist() == pytest.approx([56, 76], abs=4)
    answers = ("find-peaks", "part-affinity-fields", "affinity-score", "match-limbs", "group-people")
    counted = ran(
        "ex04_multi_person", *answers, "count-the-pieces", test=some, LIMBS=some.skeleton.limbs, MAP_SIZE=(24, 32)
    )
    assert 290 < len(counted["known"]) < 310  # of the wider rectangle, which "hardly helps"
    assert counted["heads"] > 0.75 * (len(counted["known"]) - 179)  # what is too many is mostly heads
    lone = [one[..., 2] > 0 for one in counted["people"]]
    lone = torch.cat([there[there.sum(dim=1) == 1] for there in lone]).sum(dim=0)
    assert lone[:5].sum() > 0.75 * lone.sum()  # "single dots, mostly on heads": nose, eyes, ears


def test_from_a_few_people_on_top_down_computes_more_whatever_the_machine():
    """The run times of the sample answer, counted in multiplications: they are the same everywhere."""

    def counted(network: nn.Module, images: torch.Tensor) -> int:
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            network.eval()(images)
        return counter.get_total_flops()

    image, crop = torch.zeros(1, 3, 192, 256), torch.zeros(1, 3, 96, 80)
    pose_network = ran("ex02_softargmax", "softargmax", "SoftargmaxPose")["SoftargmaxPose"]
    names = ran("ex04_multi_person", "find-peaks", "group-people", "model")
    bottom_up = counted(names["build_model"](), image)
    detector = counted(helpers.PersonDetector(helpers.fine_backbone(pretrained=False)), image)
    one_person = counted(pose_network(helpers.fine_backbone(pretrained=False), 17, (96, 80)), crop)
    assert 0.75 < detector / bottom_up < 1, "the detector alone takes nearly as long as bottom-up's network"
    assert one_person / bottom_up == pytest.approx(1 / 6, abs=0.04), "a person costs a sixth of a look at the image"
    assert detector + 2 * one_person > bottom_up
