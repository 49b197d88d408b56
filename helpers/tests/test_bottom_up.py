"""The bottom-up network, its target maps and its loss."""

import pytest
import torch

from helpers.data import augment
from helpers.data.people import PeopleSet
from helpers.data.rendered import rendered_crowds
from helpers.data.skeletons import COCO
from helpers.models import bottom_up
from helpers.models.backbones import fine_backbone
from helpers.models.bottom_up import BottomUp, field_loss, offsets_to, target_heatmaps, with_maps

NAN = float("nan")


def highest_pixel(scoremaps, threshold):
    """Stand-in for `find_peaks`: the highest pixel of each map, if it is above the threshold."""
    peaks = []
    for maps in scoremaps:
        flat = maps.flatten(1)
        width = maps.shape[-1]
        found = [(i % width, i // width, float(row[i])) for row in flat for i in [int(row.argmax())]]
        peaks.append([torch.tensor([p] if p[2] > threshold else []).reshape(-1, 3) for p in found])
    return peaks


def one_person(peaks, fields, limbs):
    """Stand-in for `group_people`: all first peaks are one person's."""
    person = torch.stack([p[0] if len(p) else torch.zeros(3) for p in peaks])
    return person[None] if (person[:, 2] > 0).any() else person.new_zeros(0, len(peaks), 3)


def drawn_part_affinity_fields(keypoints, visible, limbs, size, width):
    """Stand-in for the exercise's fields: each limb's number in every pixel."""
    numbers = torch.arange(1.0, len(limbs) + 1).view(1, -1, 1, 1, 1)
    return numbers.expand(len(keypoints), len(limbs), 2, *size).contiguous()


@pytest.fixture(scope="module")
def scenes():
    return rendered_crowds("val", 3, cache=False, progress=False)


def test_a_cap_by_hand():
    """A keypoint at (2, 1) with radius 2: 1 there, 1 - 1/4 beside it, 1 - 2/4 diagonally, 0 two pixels away."""
    maps = target_heatmaps(torch.tensor([[[[2.0, 1.0]]]]), torch.ones(1, 1, 1, dtype=torch.bool), (3, 5), radius=2.0)
    assert maps[0, 0].tolist() == [[0, 0.5, 0.75, 0.5, 0], [0, 0.75, 1, 0.75, 0], [0, 0.5, 0.75, 0.5, 0]]


def test_where_caps_meet_the_higher_one_counts():
    keypoints = torch.tensor([[[[1.0, 0.0]], [[2.5, 0.0]]]])
    both = torch.ones(1, 2, 1, dtype=torch.bool)
    alone = [target_heatmaps(keypoints[:, [p]], both[:, [p]], (1, 5), radius=1.5) for p in (0, 1)]
    assert torch.equal(target_heatmaps(keypoints, both, (1, 5), radius=1.5), torch.maximum(*alone))


def test_offsets_lead_from_each_pixel_to_the_nearest_keypoint():
    keypoints = torch.tensor([[[[1.25, 1.0]], [[4.0, 0.5]]]])
    offsets = offsets_to(keypoints, torch.ones(1, 2, 1, dtype=torch.bool), (3, 6), radius=1.5)[0, 0]
    assert offsets[:, 1, 1].tolist() == [0.25, 0] and offsets[:, 0, 2].tolist() == [-0.75, 1]
    assert offsets[:, 1, 4].tolist() == [0, -0.5]
    assert offsets[:, 1, 5].tolist() == [-1, -0.5] and offsets[:, 2, 0].tolist() == [0, 0]  # the last is 1.6 away


def test_what_is_not_visible_is_drawn_nowhere_whatever_its_place():
    keypoints = torch.tensor([[[[NAN, NAN]], [[1.0, 1.0]]]])
    none = torch.zeros(1, 2, 1, dtype=torch.bool)
    assert not target_heatmaps(keypoints, none, (3, 4)).any() and not offsets_to(keypoints, none, (3, 4)).any()


def test_maps_are_drawn_for_every_image_at_the_stride(scenes):
    maps = with_maps(scenes, drawn_part_affinity_fields, progress=False)
    batch = maps.batch()
    h, w = (n // 4 for n in scenes.image_size)
    assert batch["scoremaps"].shape == (3, 17, h, w) and batch["offsets"].shape == (3, 17, 2, h, w)
    assert batch["fields"][0, :, 0, 0, 0].tolist() == list(range(1, len(COCO.limbs) + 1))
    for n in range(3):
        for p, k in scenes.visible[n].nonzero().tolist():
            x, y = ((scenes.keypoints[n, p, k] + 0.5) / 4 - 0.5).round().long().tolist()
            assert batch["scoremaps"][n, k, min(y, h - 1), min(x, w - 1)] > 0.5


def test_the_network_answers_maps_of_the_stride_and_people_in_pixels_of_the_image():
    torch.manual_seed(0)
    network = BottomUp(fine_backbone(), highest_pixel, one_person).eval()
    images = torch.rand(2, 3, 96, 128)
    with torch.no_grad():
        maps = network(images)
    assert {name: tuple(m.shape) for name, m in maps.items()} == {
        "scoremaps": (2, 17, 24, 32),
        "fields": (2, len(COCO.limbs), 2, 24, 32),
        "offsets": (2, 17, 2, 24, 32),
    }
    assert [len(p) for p in network.people(images)] == [0, 0]  # an untrained network is sure of nothing
    maps["scoremaps"][0, 3, 5, 7] = 9.0
    first, second = network.people_of(maps)
    assert len(second) == 0 and first.shape == (1, 17, 3)
    assert first[0, 3, :2].tolist() == [7.5 * 4 - 0.5, 5.5 * 4 - 0.5] and first[0, 3, 2] > 0.99
    assert not first[0, [k for k in range(17) if k != 3]].any()  # missing keypoints stay at 0, 0, 0


def test_peaks_are_refined_before_they_are_grouped():
    network = BottomUp(fine_backbone(), highest_pixel, one_person)
    maps = {
        "scoremaps": torch.full((1, 17, 4, 5), -9.0),
        "fields": torch.zeros(1, 19, 2, 4, 5),
        "offsets": torch.zeros(1, 17, 2, 4, 5),
    }
    maps["scoremaps"][0, 0, 1, 2] = 9.0
    seen = []

    def moved(peaks, offsets):
        seen.append(offsets.shape)
        return [p + torch.tensor([0.25, 0, 0]) for p in peaks]

    assert network.people_of(maps, moved)[0][0, 0, :2].tolist() == [2.75 * 4 - 0.5, 1.5 * 4 - 0.5]
    assert seen == [(17, 2, 4, 5)]


def test_only_the_highest_peaks_of_a_map_are_grouped():
    def many(scoremaps, threshold):
        scores = torch.rand(100, generator=torch.Generator().manual_seed(0))
        return [[torch.stack([scores, scores, scores], dim=1)] * 17]

    network = BottomUp(fine_backbone(), many, one_person)
    peaks = network.peaks({"scoremaps": torch.zeros(1, 17, 4, 5)})[0]
    scores = many(None, 0)[0][0][:, 2]
    assert all(torch.equal(p[:, 2], scores.sort(descending=True).values[: network.most_peaks]) for p in peaks)


def test_the_loss_is_nothing_for_the_targets_and_more_for_anything_else(scenes):
    batch = with_maps(scenes, drawn_part_affinity_fields, progress=False).batch()
    right = {
        "scoremaps": torch.logit(batch["scoremaps"], eps=1e-6),
        "fields": batch["fields"],
        "offsets": batch["offsets"],
    }
    assert field_loss(right, batch) < 1e-4
    for name, worth in {"scoremaps": 0.5, "fields": 0.5, "offsets": 0.05}.items():
        assert field_loss({**right, name: torch.zeros_like(right[name])}, batch) > worth


def test_the_loss_is_finite_without_anybody(scenes):
    batch = {
        name: torch.zeros_like(maps)
        for name, maps in with_maps(scenes, drawn_part_affinity_fields, progress=False).batch().items()
        if maps.ndim > 3
    }
    output = {name: torch.zeros_like(batch[name]).requires_grad_() for name in ("scoremaps", "fields", "offsets")}
    field_loss(output, batch).backward()
    assert all(maps.grad.isfinite().all() for maps in output.values())


def test_a_step_lowers_the_loss(scenes):
    torch.manual_seed(0)
    batch = with_maps(scenes, drawn_part_affinity_fields, progress=False).batch()
    network = BottomUp(fine_backbone(), highest_pixel, one_person).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    losses = []
    for _ in range(4):
        loss = field_loss(network(batch["images"]), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


def test_a_mirrored_batch_has_the_maps_of_the_mirrored_scene(scenes):
    """Mirror the people and draw anew, or draw and mirror the maps: the same, left and right traded."""

    def directions(keypoints, visible, limbs, size, width):
        ends = torch.where(visible[..., None], keypoints, torch.nan)
        a, b = torch.tensor(limbs).T
        vectors = (ends[:, :, b] - ends[:, :, a]).nan_to_num().sum(dim=1)  # (B, L, 2): one vector for a whole field
        return vectors[..., None, None].expand(*vectors.shape, *size).contiguous()

    def drawn(batch):
        keypoints = (batch["keypoints"] + 0.5) / 4 - 0.5
        size = (24, 32)
        return {
            "images": batch["images"],
            "scoremaps": target_heatmaps(keypoints, batch["visible"], size),
            "fields": directions(keypoints, batch["visible"], COCO.limbs, size, 1.5),
            "offsets": offsets_to(keypoints, batch["visible"], size),
        }

    batch = scenes.batch()
    order = list(COCO.flip_order)
    x, y = batch["keypoints"][:, :, order].unbind(-1)
    other = {
        "images": batch["images"].flip(-1),
        "keypoints": torch.stack([127 - x, y], -1),
        "visible": batch["visible"][:, :, order],
    }
    mirrored = augment.mirror_maps(drawn(batch), COCO, torch.ones(3, dtype=torch.bool))
    for name, maps in drawn(other).items():
        torch.testing.assert_close(mirrored[name], maps, atol=1e-4, rtol=1e-4)


def test_augmented_maps_leave_the_batch_as_it_was_and_can_be_repeated(scenes):
    batch = with_maps(scenes, drawn_part_affinity_fields, progress=False).batch()
    before = {name: value.clone() for name, value in batch.items()}
    change = augment.maps(COCO)
    results = []
    for _ in range(2):
        torch.manual_seed(3)
        results.append(change(batch))
    assert all(torch.equal(batch[name], value) for name, value in before.items())
    assert results[0].keys() == {"images", "scoremaps", "fields", "offsets"}
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])
    assert not torch.equal(results[0]["images"], batch["images"])


def test_the_module_lists_its_names():
    assert all(hasattr(bottom_up, name) for name in bottom_up.__all__)


def rough_fields(keypoints, visible, limbs, size, width):
    """Stand-in for the exercise's fields, of a person's own places: their sum, in every pixel of the limb's map."""
    sums = [torch.where(visible[:, :, [a, b]].all(2)[..., None], keypoints[:, :, a] + keypoints[:, :, b], 0).sum(1)
            for a, b in limbs]  # fmt: skip
    return torch.stack(sums, 1)[..., None, None].expand(-1, -1, -1, *size).contiguous()


def test_maps_that_are_drawn_for_each_batch_are_those_that_are_kept(monkeypatch):
    data = rendered_crowds("val", 6, cache=False, progress=False)
    kept = with_maps(data, rough_fields, progress=False)
    monkeypatch.setattr(bottom_up, "MOST_BYTES", 0)
    drawn = with_maps(data, rough_fields, progress=False)
    assert kept.targets and not drawn.targets and isinstance(drawn, PeopleSet)
    for rows in ([4, 1], torch.tensor([0]), slice(None)):
        one, other = kept.batch(rows), drawn[:].batch(rows)
        assert one.keys() == other.keys()
        for name in one:
            assert torch.allclose(one[name], other[name], rtol=2e-3, atol=1e-3), name


def test_rows_of_nobody_and_of_people_without_keypoints_draw_nothing(monkeypatch):
    """Of the first photo the second person alone is drawn, of the second nobody."""
    monkeypatch.setattr(bottom_up, "MOST_BYTES", 0)
    keypoints = torch.zeros(2, 3, 17, 2)
    keypoints[0, 1, 5] = torch.tensor([21.5, 9.5])
    visibility = torch.zeros(2, 3, 17, dtype=torch.uint8)
    visibility[0, 1, 5] = 2
    present = torch.tensor([[True, True, False], [True, False, False]])
    images, boxes = torch.zeros(2, 3, 32, 48, dtype=torch.uint8), torch.zeros(2, 3, 4)
    data = PeopleSet(images, keypoints, visibility, boxes, torch.zeros(2, 3), present, COCO)
    asked = []

    def fields(keypoints, visible, limbs, size, width):
        asked.append(tuple(keypoints.shape))
        return torch.zeros(len(keypoints), len(limbs), 2, *size)

    maps = with_maps(data, fields).batch()["scoremaps"]
    assert asked == [(2, 1, 17, 2)]
    assert maps[0, 5, 2, 5] == 1 and (maps > 0.99).sum() == 1 and maps.shape == (2, 17, 8, 12)
