"""A training step of the bottom-up network with target maps drawn for each batch, against one with maps kept."""

from __future__ import annotations

from unittest import mock

import torch

import helpers
from benchmarks.cells import run_cells
from benchmarks.row import Row, paired_ratio
from helpers import augment, bottom_up
from helpers.data import PeopleSet

__all__ = ["rows"]


def rows(pairs: int = 9) -> list[Row]:
    """Return the ratios on rendered scenes and on twenty rows of people an image, as photos of COCO have."""
    draw = run_cells("ex04_multi_person", ("setup", "part-affinity-fields"), {})["part_affinity_fields"]
    scenes = helpers.rendered_crowds("val", 64, progress=False)
    sets = {"rendered scenes": scenes, "20 rows of people": _with_empty_rows(scenes, 20)}
    return [
        Row(f"step, maps drawn / kept, {name}", _ratio(data, draw, pairs), 1.3, False) for name, data in sets.items()
    ]


def _with_empty_rows(data: PeopleSet, count: int) -> PeopleSet:
    """Return the set with empty rows behind its people, `count` rows in all."""
    rows = {name: getattr(data, name) for name in PeopleSet.LABELS}
    longer = {
        name: torch.cat([x, x.new_zeros(len(x), count - x.shape[1], *x.shape[2:])], 1) for name, x in rows.items()
    }
    return PeopleSet(data.images, **longer, skeleton=data.skeleton)


def _ratio(data: PeopleSet, draw: bottom_up.DrawFields, pairs: int) -> float:
    """Return how much longer a step takes where its maps are drawn."""
    kept = bottom_up.with_maps(data, draw, progress=False)
    with mock.patch.object(bottom_up, "MOST_BYTES", 0):
        drawn = bottom_up.with_maps(data, draw, progress=False)
    model = helpers.BottomUp(helpers.fine_backbone(), lambda *_: [], lambda *_: torch.zeros(0, 17, 3)).train()
    optimizer, change = torch.optim.AdamW(model.parameters(), 1e-3, fused=True), augment.maps(data.skeleton)

    def step(people: PeopleSet) -> None:
        batch = change(people.batch(torch.randperm(len(people))[:16]))
        loss = bottom_up.field_loss(model(batch["images"]), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return paired_ratio(lambda: step(drawn), lambda: step(kept), pairs)
