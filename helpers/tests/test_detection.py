import math

import pytest
import torch
from torchvision.ops import box_iou, generalized_box_iou_loss

import helpers
from helpers.data.people import PeopleSet, box_areas
from helpers.data.skeletons import COCO
from helpers.metrics.boxes import box_f1, box_precision, box_recall
from helpers.models import detection
from helpers.models.backbones import fine_backbone, small_backbone
from helpers.models.detection import PersonDetector, augment, box_f1_metric, detection_loss, detections
from helpers.models.efficientnet import pretrainable_backbone
from helpers.tests.stick_people import stick_people


def crowd(count: int, size=(64, 48), seed=0) -> PeopleSet:
    """Images of two stick people side by side, of whom every fourth image lacks the second: it shows the ground."""
    left, right = stick_people(count, size, seed), stick_people(count, size, seed + 1)
    present = torch.ones(count, 2, dtype=torch.bool)
    present[3::4, 1] = False
    images = torch.cat([left.images, right.images], -1)
    images[3::4, :, :, size[1] :] = images[3::4, :, :1, :1]
    shift = torch.tensor([size[1], 0.0])
    keypoints = torch.stack([left.keypoints, right.keypoints + shift], 1) * present[..., None, None]
    boxes = torch.stack([left.boxes_xyxy, right.boxes_xyxy + shift.repeat(2)], 1) * present[..., None]
    visibility = torch.stack([left.visibility, right.visibility], 1) * present[..., None]
    return PeopleSet(images, keypoints, visibility, boxes, box_areas(boxes), present, COCO, "pairs")


def batch_of(*boxes, ignored=(), present=None) -> dict[str, torch.Tensor]:
    """A batch of one image with these boxes; `ignored` are the numbers of some of them."""
    there = torch.ones(1, len(boxes), dtype=torch.bool) if present is None else torch.tensor([present])
    skipped = torch.zeros_like(there)
    skipped[0, list(ignored)] = True
    return {"boxes_xyxy": torch.tensor(boxes, dtype=torch.float32).view(1, -1, 4), "present": there, "ignored": skipped}


def saying(boxes, size=(8, 10), score=6.0) -> dict[str, torch.Tensor]:
    """What a perfect detector says: near the middle of each box a high score and exactly that box."""
    output = {
        "centres": torch.full((1, 1, *size), -9.0),
        "sizes": torch.zeros(1, 2, *size),
        "offsets": torch.zeros(1, 2, *size),
    }
    for x1, y1, x2, y2 in boxes:
        x, y = ((x1 + x2) / 2 + 0.5) / 8 - 0.5, ((y1 + y2) / 2 + 0.5) / 8 - 0.5  # in pixels of the map
        column, row = round(x), round(y)
        output["centres"][0, 0, row, column] = score
        output["sizes"][0, :, row, column] = torch.tensor([math.log((x2 - x1) / 48), math.log((y2 - y1) / 48)])
        output["offsets"][0, :, row, column] = torch.tensor([x - column, y - row])
    return output


@pytest.mark.parametrize(("batch", "height", "width", "rows", "columns"), [(1, 64, 96, 8, 12), (3, 48, 32, 6, 4)])
def test_the_maps_have_stride_8(batch, height, width, rows, columns):
    output = PersonDetector().eval()(torch.rand(batch, 3, height, width))
    shapes = {name: tuple(maps.shape[1:]) for name, maps in output.items()}
    assert shapes == {"centres": (1, rows, columns), "sizes": (2, rows, columns), "offsets": (2, rows, columns)}
    assert all(len(maps) == batch for maps in output.values())


def test_it_is_small_and_trains_everywhere():
    torch.manual_seed(0)
    detector, data = PersonDetector(), crowd(4)
    detection_loss(detector(data.batch()["images"]), data.batch()).backward()
    assert sum(p.numel() for p in detector.parameters()) < 6e5
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in detector.parameters())


def test_before_training_it_finds_nobody():
    torch.manual_seed(0)
    assert all(len(boxes) == 0 for boxes, _ in detections(PersonDetector().eval()(torch.rand(2, 3, 64, 64))))


def test_what_are_no_images_is_refused():
    with pytest.raises(TypeError, match="uint8; expected float"):
        PersonDetector()(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(ValueError, match="stride is 16; expected one that divides 8"):
        PersonDetector(pretrainable_backbone())


@pytest.mark.parametrize("make", [lambda: fine_backbone(12), small_backbone], ids=["stride-4", "stride-8"])
def test_any_backbone_that_is_fine_enough_will_do(make):
    assert PersonDetector(make()).eval()(torch.rand(1, 3, 32, 64))["sizes"].shape == (1, 2, 4, 8)


BOXES = [(3.0, 5.0, 21.0, 50.0), (40.0, 10.0, 75.0, 59.0)]


def test_boxes_come_back_as_they_were_said():
    ((boxes, scores),) = detections(saying(BOXES[:1]))
    assert torch.allclose(boxes, torch.tensor(BOXES[:1]), atol=1e-4)
    assert scores.tolist() == pytest.approx([1 / (1 + math.exp(-6))])
    ((boxes, _),) = detections(saying(BOXES))
    assert sorted(map(tuple, boxes.round().tolist())) == sorted(BOXES)


def test_the_surest_come_first_and_images_stay_apart():
    one, two = saying(BOXES[:1], score=1.0), saying(BOXES, score=2.0)
    two["centres"][0, 0, 3:5, 6:8] -= 0.5  # the second box
    three = {name: torch.cat([one[name], two[name], saying([])[name]]) for name in one}
    found = detections(three)
    assert [len(boxes) for boxes, _ in found] == [1, 2, 0] and found[2][0].shape == (0, 4)
    assert torch.allclose(found[1][0][0], torch.tensor(BOXES[0]), atol=1e-4) and found[1][1][0] > found[1][1][1]
    assert torch.allclose(found[0][0], torch.tensor(BOXES[:1]), atol=1e-4)  # not removed by the same box next door


def test_of_boxes_that_overlap_the_surest_stays():
    output = saying(BOXES[:1])
    row, column = divmod(int(output["centres"].argmax()), 10)
    for name in output:  # the pixel beside says nearly the same box, 8 pixels further right
        output[name][..., row, column + 1] = output[name][..., row, column] - 0.5 * (name == "centres")
    output["offsets"][0, 0, row, column + 1] -= 0.9
    ((boxes, _),) = detections(output)
    assert torch.allclose(boxes, torch.tensor(BOXES[:1]), atol=1e-4)
    assert len(detections(output, overlap=0.99)[0][0]) == 2


def test_the_threshold_decides_and_boxes_end_at_the_border():
    output = saying([(-20.0, -30.0, 20.0, 31.0), (60.0, 30.0, 84.0, 79.0)], score=0.0)
    assert len(detections(output, threshold=0.6)[0][0]) == 0
    boxes = detections(output, threshold=0.4)[0][0]
    assert sorted(boxes.round().tolist()) == [[0, 0, 20, 31], [60, 30, 79, 63]]


def test_a_perfect_detector_has_hardly_a_loss_and_each_mistake_more():
    """Caps reach further than the one pixel that `saying` fills in: all pixels have to say the right box and score."""
    right = batch_of(*BOXES)
    perfect = perfect_output(right)
    loss = float(detection_loss(perfect, right))
    assert 0 <= loss < 1e-3
    for name, mistake in (("centres", 2.0), ("centres", -2.0), ("sizes", 0.3), ("sizes", -0.3), ("offsets", 0.5)):
        wrong = {**perfect, name: perfect[name] + mistake}
        assert float(detection_loss(wrong, right)) > loss + 0.05


def perfect_output(batch, size=(8, 10)) -> dict[str, torch.Tensor]:
    """Scores that are the target heatmaps, and wherever a person's is not 0 that person's box."""
    heatmaps = detection._target_heatmaps(batch["boxes_xyxy"], *size) * batch["present"][..., None, None]
    target, owner = heatmaps.max(1)
    boxes = batch["boxes_xyxy"][0][owner[0]].permute(2, 0, 1)[None]  # (1, 4, h, w)
    rows, columns = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    middle = ((boxes[:, :2] + boxes[:, 2:]) / 2 + 0.5) / 8 - 0.5
    return {
        "centres": torch.logit(target.clamp(1e-6, 1 - 1e-6))[:, None],
        "sizes": ((boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-3) / 48).log(),
        "offsets": middle - torch.stack([columns, rows]).float(),
    }


def test_a_cap_is_1_in_the_middle_and_0_a_quarter_away():
    """A box of 64 x 128 around the centre of pixel (5, 9) of the map: 16 pixels, two of the map, to either side."""
    centre = torch.tensor([5.0, 9.0]) * 8 + 3.5
    box = torch.cat([centre - torch.tensor([32.0, 64]), centre + torch.tensor([32.0, 64])])
    bump = detection._target_heatmaps(box.view(1, 1, 4), 20, 12)[0, 0]
    assert bump[9, 3:8].tolist() == pytest.approx([0, 0.75, 1, 0.75, 0])
    assert bump[5:14, 5].tolist() == pytest.approx([0, 7 / 16, 12 / 16, 15 / 16, 1, 15 / 16, 12 / 16, 7 / 16, 0])
    assert bump[8, 4] == pytest.approx(1 - 1 / 4 - 1 / 16)
    tiny = detection._target_heatmaps(torch.tensor([[[7.0, 7, 8, 8]]]), 4, 4)  # on the corner of four pixels
    assert (tiny[0, 0, :2, :2] == 0.5).all() and (tiny > 0).sum() == 4


def test_empty_rows_change_nothing():
    alone, padded = batch_of(*BOXES), batch_of(*BOXES, (0, 0, 0, 0), (0, 0, 0, 0), present=[True, True, False, False])
    torch.manual_seed(0)
    output = {name: torch.randn_like(maps) for name, maps in saying(BOXES).items()}
    assert float(detection_loss(output, alone)) == pytest.approx(float(detection_loss(output, padded)), rel=1e-6)


def test_ignored_people_may_be_found_or_not():
    both, one = saying(BOXES), saying(BOXES[:1])
    ignoring, lacking = batch_of(*BOXES, ignored=[1]), batch_of(BOXES[0])
    assert float(detection_loss(both, ignoring)) == pytest.approx(float(detection_loss(one, ignoring)), abs=1e-4)
    assert float(detection_loss(both, lacking)) > float(detection_loss(one, lacking)) + 1


def test_boxes_are_compared_as_torchvision_compares_them():
    torch.manual_seed(0)
    corners = 40 * torch.rand(2, 6, 2, 2, 5, 7)  # (.., box, corner, x or y, h, w), apart, crossing or one in the other
    boxes = torch.cat([corners.amin(dim=2), corners.amax(dim=2)], dim=2)
    for first, second in zip(boxes[0], boxes[1], strict=True):
        right = 1 - generalized_box_iou_loss(first.permute(1, 2, 0), second.permute(1, 2, 0))
        assert torch.allclose(detection._generalised_iou(first[None], second[None])[0], right, atol=1e-5)
    assert detection._generalised_iou(torch.zeros(1, 4, 1, 1), torch.zeros(1, 4, 1, 1)) == 0  # empty rows


def test_without_people_the_loss_still_has_a_gradient():
    output = {name: maps.requires_grad_() for name, maps in saying([], score=0.0).items()}
    for batch in (batch_of(*BOXES, ignored=[0, 1]), batch_of(*BOXES, present=[False, False])):
        loss = detection_loss(output, batch)
        loss.backward()
        assert torch.isfinite(loss) and all(torch.isfinite(maps.grad).all() for maps in output.values())


def test_half_precision_and_wild_outputs_give_a_finite_float32_loss():
    output = {name: (50 * torch.randn_like(maps)).bfloat16().requires_grad_() for name, maps in saying(BOXES).items()}
    loss = detection_loss(output, batch_of(*BOXES))
    loss.backward()
    assert loss.dtype == torch.float32 and torch.isfinite(loss)
    assert all(torch.isfinite(maps.grad).all() for maps in output.values())
    assert all(boxes.dtype == torch.float32 for boxes, _ in detections(output))


TRUTH = batch_of((0, 0, 10, 10), (20, 0, 30, 10), (50, 50, 60, 60), ignored=[2])


def test_recall_and_precision_by_hand():
    """Of two people one is found, and found twice; one box is nobody's, one is the ignored person's: 1 of 2, 1 of 3."""
    found = [
        (
            torch.tensor([[0.0, 0, 10, 9], [0, 0, 10, 10], [35, 35, 45, 45], [50, 50, 60, 60]]),
            torch.tensor([0.9, 0.8, 0.7, 0.6]),
        )
    ]
    assert box_recall(found, TRUTH) == 0.5 and box_precision(found, TRUTH) == pytest.approx(1 / 3)
    assert box_f1(found, TRUTH) == pytest.approx(2 / (1 / 0.5 + 3))


def test_the_iou_decides_what_a_hit_is():
    found = [(torch.tensor([[0.0, 0, 10, 6], [20, 0, 30, 4]]), torch.tensor([0.5, 0.9]))]
    assert box_recall(found, TRUTH) == 0.5 and box_recall(found, TRUTH, iou=0.61) == 0
    assert box_recall(found, TRUTH, iou=0.4) == 1 and box_recall(found, TRUTH, iou=0.6) == 0.5


def test_the_surest_box_chooses_first():
    """The surer box overlaps both people, the first more; the other box fits the first person only."""
    people = batch_of((0, 0, 10, 10), (0, 4, 10, 14))
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 1, 10, 11]])
    assert box_recall([(boxes, torch.tensor([0.9, 0.8]))], people) == 1  # (0, 1, ...) has to take the second
    assert box_recall([(boxes, torch.tensor([0.8, 0.9]))], people) == 0.5  # it took the first; the exact box is late
    assert box_iou(boxes[:1], people["boxes_xyxy"][0, 1:]) < 0.5 < box_iou(boxes[1:], people["boxes_xyxy"][0, 1:])


def test_nobody_there_and_nobody_found_have_no_value():
    none = [(torch.zeros(0, 4), torch.zeros(0))]
    nobody = batch_of((0, 0, 10, 10), ignored=[0])
    assert math.isnan(box_recall(none, nobody)) and math.isnan(box_f1(none, nobody))
    assert box_recall(none, TRUTH) == 0 and math.isnan(box_precision(none, TRUTH)) and box_f1(none, TRUTH) == 0
    nothing = {name: tensor[:, :0] for name, tensor in TRUTH.items()}
    assert box_precision([(torch.ones(1, 4), torch.ones(1))], nothing) == 0


def test_they_take_a_set_as_well():
    data = crowd(3)
    found = [(data.boxes_xyxy[i][data.present[i]], torch.ones(2)) for i in range(3)]
    assert box_recall(found, data) == box_precision(found, data) == 1
    with pytest.raises(ValueError, match="found holds 2 entries; expected 3"):
        box_recall(found[:2], data)
    with pytest.raises(ValueError, match="boxes has shape"):
        box_recall([(torch.zeros(1, 4), torch.ones(2))] * 3, data)


def rectangles(count=6, size=(48, 64)) -> dict[str, torch.Tensor]:
    """Black images with one red rectangle each, whose corners are pixel centres, and one ignored empty row."""
    batch = {
        "images": torch.zeros(count, 3, *size),
        "boxes_xyxy": torch.zeros(count, 2, 4),
        "present": torch.tensor([[True, False]] * count),
        "ignored": torch.zeros(count, 2, dtype=torch.bool),
    }
    for i in range(count):
        x1, y1, x2, y2 = 20 + i, 14 + i, 36 + i, 34 + i
        batch["images"][i, 0, y1 : y2 + 1, x1 : x2 + 1] = 1
        batch["boxes_xyxy"][i, 0] = torch.tensor([x1, y1, x2, y2])
    return batch


@pytest.mark.parametrize(
    "knobs", [{"warped": 0.0}, {"flip": 0.0, "warped": 1.0}, {"warped": 0.5}], ids=["mirrored", "moved", "both"]
)
def test_boxes_move_with_their_images(knobs):
    torch.manual_seed(1)
    batch = rectangles()
    before = {name: tensor.clone() for name, tensor in batch.items()}
    moved = augment(colour=0, **knobs)(batch)
    assert all(torch.equal(batch[name], before[name]) for name in before)
    assert not torch.equal(moved["boxes_xyxy"], batch["boxes_xyxy"]) and not moved["boxes_xyxy"][:, 1].any()
    for image, box in zip(moved["images"], moved["boxes_xyxy"][:, 0], strict=True):
        y, x = (image[0] > 0.5).nonzero(as_tuple=True)
        drawn = torch.stack([x.min(), y.min(), x.max(), y.max()])
        assert (drawn - box).abs().max() <= 1.2


def test_who_mostly_leaves_the_image_is_ignored():
    batch = rectangles(4)
    batch["boxes_xyxy"][:, 0] = torch.tensor([0.0, 0, 6, 40])  # at the border, of which a shift leaves little
    torch.manual_seed(0)
    moved = augment(flip=0, colour=0, warped=1.0, scale=(1.0, 1.0), translation=0.4)(batch)
    boxes, ignored = moved["boxes_xyxy"][:, 0], moved["ignored"][:, 0]
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) / 240
    assert torch.equal(ignored, areas < 0.25) and ignored.any() and not ignored.all()
    assert (boxes >= 0).all() and (boxes[:, 2] <= 63).all() and (boxes[:, 3] <= 47).all()
    assert not moved["ignored"][:, 1].any()


def test_colours_change_and_keypoints_are_left_out():
    data = crowd(3)
    changed = augment(flip=0, warped=0)(data.batch())
    assert set(changed) == {"images", "boxes_xyxy", "present", "ignored"}
    assert not torch.allclose(changed["images"], data.batch()["images"], atol=0.02)
    assert torch.equal(changed["boxes_xyxy"], data.boxes_xyxy) and changed["images"].max() <= 1
    with pytest.raises(ValueError, match="flip is 2"):
        augment(flip=2)


def test_it_learns_people_by_heart():
    """Twelve images, 80 steps; without the second person it must not see one."""
    helpers.set_seed(0)
    detector, data = PersonDetector(features=32), crowd(12)
    history = helpers.fit(
        detector,
        data,
        data,
        loss=detection_loss,
        metrics={"F1": box_f1_metric},
        mode="max",
        epochs=40,
        batch_size=6,
        lr=5e-3,
        train_metrics=False,
        progress=False,
    )
    found = detections(helpers.predict(detector, data))
    assert history.loss[-1] < 0.4 * history.loss[0] and box_recall(found, data) > 0.9 < box_precision(found, data)
