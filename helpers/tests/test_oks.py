import contextlib
import dataclasses
import io
import json
import math
import os
from pathlib import Path

import pytest
import torch

from helpers.data.coco.annotations import read
from helpers.data.coco.people import people_of
from helpers.data.people import PeopleSet
from helpers.data.skeletons import COCO, LSP
from helpers.metrics.oks import average_precision

SHARED = Path(os.environ.get("DEEP_LEARNING_LAB_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
# fmt: off
COCO_SIGMAS = [0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
               0.089, 0.089]
# fmt: on
RANDOM = torch.Generator().manual_seed(0)
POSES = torch.rand(6, 17, 2, generator=RANDOM) * 60 + 100  # far from (0, 0), where missing keypoints lie


def people_set(counts: list[int], skeleton=COCO) -> PeopleSet:
    """One image for each count, with so many people of 900 square pixels whose keypoints are all seen."""
    keypoints = skeleton.num_keypoints
    present = torch.arange(max(counts)) < torch.tensor(counts)[:, None]
    places = torch.zeros(*present.shape, keypoints, 2)
    places[present] = POSES[: sum(counts), :keypoints] + 200 * torch.arange(sum(counts))[:, None, None]
    visibility = 2 * present[..., None].expand(-1, -1, keypoints).to(torch.uint8)
    boxes = torch.cat([places.amin(2), places.amax(2)], -1)
    return PeopleSet(
        torch.zeros(len(counts), 3, 8, 9, dtype=torch.uint8),
        places,
        visibility,
        boxes,
        900.0 * present,
        present,
        skeleton,
    )


def right(data: PeopleSet, score: float = 1.0) -> list:
    """The right people of each image, (M, K, 3), their keypoints all found with this score."""
    return [
        torch.cat([places[there], torch.full((int(there.sum()), places.shape[1], 1), score)], -1)
        for places, there in zip(data.keypoints, data.present, strict=True)
    ]


def moved(found: torch.Tensor, distance: float) -> torch.Tensor:
    return found + torch.tensor([distance, 0, 0])


def with_visibility(data: PeopleSet, n: int, p: int, value: int) -> PeopleSet:
    visibility = data.visibility.clone()
    visibility[n, p] = value
    return dataclasses.replace(data, visibility=visibility, ignored=None)


def scores(people, data):
    return list(average_precision(people, data).values())


def test_the_right_people_get_1_of_a_set_and_of_a_batch():
    data = people_set([2, 0, 3, 1])
    found = average_precision(right(data), data)
    assert found == {"AP": 1, "AP50": 1, "AP75": 1, "AR": 1}
    assert average_precision(right(data), data.batch()) == found


def test_nobody_found_is_0(capsys):
    data = people_set([2, 0, 1])
    assert scores([torch.zeros(0, 17, 3)] * 3, data) == [0, 0, 0, 0]
    assert capsys.readouterr().out == ""


def test_nobody_to_be_found_is_nan_and_says_so(capsys):
    data = people_set([1, 1])
    empty = dataclasses.replace(data, ignored=data.present)
    assert all(math.isnan(value) for value in scores(right(data), empty))
    assert "nobody to be found" in capsys.readouterr().out
    nobody = PeopleSet(
        data.images,
        data.keypoints[:, :0],
        data.visibility[:, :0],
        data.boxes_xyxy[:, :0],
        data.areas[:, :0],
        data.present[:, :0],
        COCO,
    )
    assert all(math.isnan(value) for value in scores(right(data), nobody))


def test_half_of_the_people_missed():
    """Precision is 1 up to a recall of 1/2, so at 51 of the recalls 0, 0.01, ... 1."""
    data = people_set([1, 1])
    people = right(data)
    assert scores([people[0], people[1][:0]], data) == pytest.approx([51 / 101, 51 / 101, 51 / 101, 0.5])


def test_a_false_alarm_costs_only_in_front_of_the_right_one():
    """First in line it halves the precision at every recall; last in line it comes after recall 1."""
    data = people_set([1])
    false, true = moved(right(data)[0], 500), right(data)[0]

    def both(of_false, of_true):
        people = torch.cat([false, true])
        people[0, :, 2], people[1, :, 2] = of_false, of_true
        return scores([people], data)

    assert both(0.9, 0.8) == pytest.approx([0.5, 0.5, 0.5, 1])
    assert both(0.7, 0.8) == [1, 1, 1, 1]


def test_a_person_found_twice_is_a_false_alarm():
    data = people_set([1, 1])
    people = right(data)
    twice = torch.cat([people[0], people[0]])
    twice[..., 2] = 2
    assert scores([twice, people[1]], data) == pytest.approx([(51 + 50 * 2 / 3) / 101] * 3 + [1])


@pytest.mark.parametrize(("similarity", "passed"), [(0.49, 0), (0.51, 1), (0.72, 5), (0.76, 6), (0.96, 10)])
def test_a_person_counts_for_the_thresholds_that_its_oks_reaches(similarity, passed):
    """All keypoints are off by d with exp(-d^2 / (2 * 900 * 0.16^2)) = similarity; thresholds: 0.5, 0.55, ... 0.95."""
    data = people_set([1], LSP)
    people = [moved(right(data)[0], math.sqrt(-46.08 * math.log(similarity)))]
    share = passed / 10
    assert scores(people, data) == pytest.approx([share, float(passed > 0), float(passed > 5), share])


def test_a_missing_keypoint_counts_as_one_at_the_corner():
    """Ten of 17 found: OKS 0.588, which two of ten thresholds let pass; if nobody labelled the others it is 1."""
    data = people_set([1])
    people = right(data)
    people[0][0, 10:] = 0
    assert scores(people, data) == pytest.approx([0.2, 1, 0, 0.2])
    unlabelled = data.visibility.clone()
    unlabelled[0, 0, 10:] = 0
    assert scores(people, dataclasses.replace(data, visibility=unlabelled)) == [1, 1, 1, 1]


def test_missing_keypoints_lower_the_confidence():
    """Eight keypoints of score 1 make 8 / 17 = 0.47: less than 17 of score 0.5, but more than 17 of 0.4."""
    data = people_set([1])
    false = moved(right(data)[0], 500)
    false[0, 8:] = 0
    assert scores([torch.cat([false, right(data, 0.5)[0]])], data)[0] == 1
    assert scores([torch.cat([false, right(data, 0.4)[0]])], data)[0] == 0.5


def test_hidden_keypoints_count_like_seen_ones():
    data = people_set([1])
    visibility = data.visibility.clone()
    visibility[0, 0, :16] = 1
    people = right(data)
    people[0][0, 4:] = 500
    assert scores(people, dataclasses.replace(data, visibility=visibility)) == [0, 0, 0, 0]


def test_order_does_not_matter():
    data = people_set([3, 1, 2])
    generator = torch.Generator().manual_seed(1)
    people = [x + 2 * torch.randn(x.shape, generator=generator) * torch.tensor([1, 1, 0.1]) for x in right(data)]
    people = [torch.cat([x, moved(x[:1], 300) - torch.tensor([0, 0, 0.01])]) for x in people]
    before = scores(people, data)
    assert 0.1 < before[0] < 0.9
    assert scores([x[torch.randperm(len(x), generator=generator)] for x in people], data) == before
    turned = torch.tensor([2, 0, 1])
    assert scores([people[n] for n in turned], data[turned]) == before


def test_people_of_another_image_do_not_count():
    data = people_set([1, 1])
    assert scores(right(data)[::-1], data) == [0, 0, 0, 0]


@pytest.mark.parametrize("visibility", [0, 1])
def test_ignored_people_are_neither_missed_nor_false_alarms(visibility):
    data = with_visibility(people_set([2, 1]), 0, 0, visibility)
    ignored = data.ignored.clone()
    ignored[0, 0] = True
    data = dataclasses.replace(data, ignored=ignored)
    everyone = right(data, 2.0)  # more confident than a person who is found in an empty place
    assert scores(everyone, data) == [1, 1, 1, 1]
    assert scores([everyone[0][1:], everyone[1]], data) == [1, 1, 1, 1]
    assert scores([moved(everyone[0], 5000), everyone[1]], data)[0] < 0.3
    counted = dataclasses.replace(with_visibility(data, 0, 0, 2), ignored=None)
    assert scores([everyone[0][1:], everyone[1]], counted)[0] < 0.7


def test_any_number_of_people_may_be_found_in_a_crowd():
    data = with_visibility(people_set([2]), 0, 0, 0)
    crowd = torch.tensor([[True, False]])
    people = right(data)[0]
    found = [torch.cat([moved(people[:1], shift) for shift in (0, 3, 6)] + [people[1:] - torch.tensor([0, 0, 0.5])])]
    assert scores(found, dataclasses.replace(data, crowd=crowd)) == [1, 1, 1, 1]
    assert scores(found, data)[0] == pytest.approx(1 / 3)  # one person is one; the other two are false alarms


def test_thirty_people_of_an_image_count():
    """In front of the right one come 29 false alarms, so precision is 1 / 30; or 30, so it is cut off."""
    data = people_set([1])
    false = moved(right(data, 2.0)[0], 5000)
    assert scores([torch.cat([false.expand(29, -1, -1), right(data)[0]])], data)[0] == pytest.approx(1 / 30)
    assert scores([torch.cat([false.expand(30, -1, -1), right(data)[0]])], data) == [0, 0, 0, 0]


def test_a_false_alarm_far_outside_counts_too():
    """COCO itself leaves out false alarms larger than 100,000 x 100,000 pixels; a network that diverges finds such."""
    data = people_set([1])
    false = right(data, 2.0)[0] * torch.tensor([1e6, 1e6, 1])
    assert scores([torch.cat([false, right(data)[0]])], data) == pytest.approx([0.5, 0.5, 0.5, 1])


def test_another_skeleton_and_one_keypoint_are_judged_too():
    data = people_set([2, 1], LSP)
    assert scores(right(data), data) == [1, 1, 1, 1]
    one = data.visibility * (torch.arange(14) == 3)
    people = right(data)
    for found in people:
        found[:, torch.arange(14) != 3] = 0
    assert scores(people, dataclasses.replace(data, visibility=one)) == [1, 1, 1, 1]


def test_each_of_the_17_keypoints_has_a_sigma_of_its_own():
    """Each alone in an image: the thresholds that were passed are those that the formula reaches."""
    data = people_set([1])
    for distance in range(1, 12):
        people = [moved(right(data)[0], distance)]
        value = torch.exp(-(distance**2) / (2 * 900 * (2 * torch.tensor(COCO_SIGMAS)) ** 2)).mean()
        passed = (value >= torch.linspace(0.5, 0.95, 10)).float().mean()
        assert scores(people, data)[0] == pytest.approx(float(passed))


@pytest.mark.parametrize(
    ("people", "error", "message"),
    [
        (torch.zeros(2, 1, 17, 3), TypeError, "people is a Tensor; expected a list of one tensor"),
        (None, TypeError, "people is a NoneType"),
        ([torch.zeros(0, 17, 3)], ValueError, "people holds 1 tensors; expected 2"),
        ([torch.zeros(0, 17, 3), [[1, 2, 3]]], TypeError, r"people\[1\] is a list; expected a tensor of shape"),
        ([torch.zeros(17, 3), torch.zeros(0, 17, 3)], ValueError, r"people\[0\] has shape \(17, 3\).*Add a batch axis"),
        ([torch.zeros(0, 17, 3), torch.zeros(2, 14, 3)], ValueError, r"people\[1\] has shape \(2, 14, 3\)"),
        ([torch.zeros(0, 17, 3), torch.full((1, 17, 3), torch.nan)], ValueError, r"people\[1\] holds NaN or infinity"),
        ([torch.zeros(0, 17, 3), torch.full((1, 17, 3), torch.inf)], ValueError, r"people\[1\] holds NaN or infinity"),
    ],
    ids=["tensor", "none", "short", "list", "one", "keypoints", "nan", "infinity"],
)
def test_people_that_make_no_sense_are_refused(people, error, message):
    with pytest.raises(error, match=message):
        average_precision(people, people_set([1, 1]))


def test_data_that_is_no_set_is_refused():
    data = people_set([1])
    with pytest.raises(TypeError, match="data is a list; expected a PeopleSet"):
        average_precision(right(data), [data])
    with pytest.raises(ValueError, match="data has no 'areas'"):
        average_precision(right(data), {name: x for name, x in data.batch().items() if name != "areas"})


@pytest.mark.parametrize("folder", ["coco-mini", "tiny-coco"])
@pytest.mark.parametrize("part", ["train2017", "val2017"])
def test_it_agrees_with_pycocotools_on_the_files_of_coco(folder, part, tmp_path):
    """Noisy copies of the labelled people, some keypoints missing, some people missed, some made up, some in crowds.

    pycocotools reads the file and results in pixels of the photos; ours are scaled to another size, letterboxed.
    """
    file = SHARED / folder / "annotations" / f"person_keypoints_{part}.json"
    if not file.is_file():
        pytest.skip(f"no part of COCO in {SHARED / folder}")
    from pycocotools.coco import COCO as Labels
    from pycocotools.cocoeval import COCOeval

    generator = torch.Generator().manual_seed(0)
    coco = read(file, SHARED / folder / part)
    data = people_of(coco, coco.images, (384, 512), "all photos, those without anybody too")
    content = json.loads(file.read_text())
    results, people = [], []
    for entry in sorted(content["images"], key=lambda entry: entry["id"]):
        found = torch.zeros(0, 17, 3)
        for person in [person for person in content["annotations"] if person["image_id"] == entry["id"]]:
            places = torch.tensor(person["keypoints"]).view(17, 3)[:, :2].float()
            if not places.any():  # of unknown keypoints: somewhere in the box
                x, y, w, h = person["bbox"]
                places = torch.rand(17, 2, generator=generator) * torch.tensor([w, h]) + torch.tensor([x, y])
            copies = places.expand(int(torch.randint(3, (), generator=generator)), -1, -1)
            noise = 0.02 * person["area"] ** 0.5 * (1 + 3 * torch.rand(len(copies), 1, 1, generator=generator))
            copies = copies + noise * torch.randn(copies.shape, generator=generator)
            certainty = torch.rand(*copies.shape[:2], 1, generator=generator)
            copies = torch.cat([copies, certainty], -1)
            copies[torch.rand(copies.shape[:2], generator=generator) < 0.1] = 0
            found = torch.cat([found, copies])
        found = found[:20]
        results += [
            {
                "image_id": entry["id"],
                "category_id": 1,
                "keypoints": person.flatten().tolist(),
                "score": float(person[:, 2].mean()),
            }
            for person in found
        ]
        scale = min(384 / entry["height"], 512 / entry["width"])
        people.append(torch.cat([found[..., :2] * scale + (scale - 1) / 2, found[..., 2:]], -1))
    (tmp_path / "results.json").write_text(json.dumps(results))
    with contextlib.redirect_stdout(io.StringIO()):
        labels = Labels(file)
        judge = COCOeval(labels, labels.loadRes(str(tmp_path / "results.json")), "keypoints")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    assert 0.1 < judge.stats[0] < 0.95
    assert scores(people, data) == pytest.approx([judge.stats[i] for i in (0, 1, 2, 5)], abs=1e-6)
