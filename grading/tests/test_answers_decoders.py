"""What is special to exercise 3's decoders: hints that they share, numbers of parameters, how the checks look."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from answer_bank import DECODERS, POINTS, count, hidden_marks, mistake_of, of_size
from local_submission import said
from torch import nn
from worthless import STUBS

from grading.course.course import Course
from grading.course.release import ROOT
from grading.known_wrong import ex03_decoders as known_wrong
from grading.known_wrong.ex03_decoders import COMMON, KNOWN_WRONG
from grading.right_variants import ex03_decoders as variants
from helpers.checks import ex03_segmentation as check
from helpers.checks.engine.judge import GENERAL_HINTS
from helpers.checks.engine.question import Wrong, case_rng, read_hints
from helpers.checks.networks.decoder import Decoder
from helpers.checks.networks.decoders import USUAL
from helpers.checks.networks.features import draw_features, sizes_of
from helpers.checks.probes import decoders as decoder_probes

HINTS = {name: hints for name, hints in read_hints("ex03_segmentation").items() if "decoder" in name.lower()}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("name", DECODERS)
def test_what_wrong_versions_share_is_right(name, seed):
    """So each of them is caught for its own mistake."""
    assert hidden_marks(name, getattr(known_wrong, name), seed) == (POINTS[name], [])


def test_every_hint_has_its_mistake_and_every_mistake_its_hint():
    mistakes = {name: {mistake_of(m) for m in answers} for name, answers in KNOWN_WRONG.items()}
    mistakes["UNetDecoder"].add("nothing_to_match")  # what no answer can be alone
    assert set(HINTS) == {"decoders", *mistakes}
    assert set(HINTS["decoders"]) <= set().union(*mistakes.values())
    for name, found in mistakes.items():
        assert set(HINTS[name]) <= found <= {*HINTS["decoders"], *HINTS[name], *GENERAL_HINTS}


@pytest.mark.parametrize("name", DECODERS)
def test_the_common_mistakes_are_made_by_every_decoder(name):
    assert set(COMMON) <= set(KNOWN_WRONG[name])


def test_a_mistake_costs_what_it_spoils_and_no_more():
    assert hidden_marks("UNetDecoder", KNOWN_WRONG["UNetDecoder"]["too_heavy"])[0] == 5
    assert hidden_marks("UNetDecoder", KNOWN_WRONG["UNetDecoder"]["skip_unused"])[1].count("assumes_doubling") == 0
    assert hidden_marks("UNetDecoder", KNOWN_WRONG["UNetDecoder"]["not_fitted"])[0] == 5
    assert hidden_marks("UNetDecoder", KNOWN_WRONG["UNetDecoder"]["dropout_in_eval"])[0] == 5
    assert hidden_marks("UNetDecoder", KNOWN_WRONG["UNetDecoder"]["no_nonlinearity"])[0] == 4
    assert hidden_marks("TransposedDecoder", KNOWN_WRONG["TransposedDecoder"]["not_fitted"])[0] == 3
    assert hidden_marks("TransposedDecoder", KNOWN_WRONG["TransposedDecoder"]["fitted_late"])[0] == 3
    assert hidden_marks("UpsampleDecoder", KNOWN_WRONG["UpsampleDecoder"]["nearest"])[0] == 1


# The number of parameters.


@pytest.mark.parametrize(("share", "named"), [(0.92, []), (1.09, []), (0.9, ["too_heavy"]), (1.11, ["too_light"])])
def test_ten_percent_of_the_smaller_number_are_allowed(monkeypatch, share, named):
    monkeypatch.setattr(variants, "TransposedDecoder", of_size(share, variants.Adding))
    assert hidden_marks("UNetDecoder", variants.Adding)[1] == named


MISSING_OR_WRONG = {
    "none": None,
    "stub": STUBS["UNetDecoder"]["stub"],
    "number": lambda *_: 3,
    "too-few-steps": KNOWN_WRONG["TransposedDecoder"]["too_few_transposed"],
}


@pytest.mark.parametrize("other", MISSING_OR_WRONG.values(), ids=MISSING_OR_WRONG)
def test_the_courses_number_stands_in_for_a_missing_or_wrong_class(monkeypatch, capsys, other):
    """What is wrong there is told there, and costs nothing here."""
    monkeypatch.setattr(variants, "TransposedDecoder", other)
    assert hidden_marks("UNetDecoder", variants.Concatenating) == (6, [])
    told = said(check, "UNetDecoder", variants.Concatenating, capsys)
    assert "is right" in told and "beside the course's" in told


def test_a_right_class_of_another_size_is_what_counts(monkeypatch):
    """However near the course's own number the U-Net is."""
    monkeypatch.setattr(variants, "TransposedDecoder", variants.TransposedDecoder)
    assert hidden_marks("UNetDecoder", variants.Concatenating) == (5, ["too_heavy"])


@pytest.mark.parametrize("other", [None, STUBS["UNetDecoder"]["stub"], lambda *_: 3], ids=["none", "stub", "number"])
def test_without_a_transposed_decoder_only_the_comparison_is_lost(monkeypatch, capsys, other):
    monkeypatch.setattr(variants, "TransposedDecoder", other)
    points, named = hidden_marks("UNetDecoder", variants.TwoConvolutions)
    assert (points, named) == (5, ["nothing_to_match"])
    assert HINTS["UNetDecoder"]["nothing_to_match"] in said(check, "UNetDecoder", variants.TwoConvolutions, capsys)


def test_the_number_that_stands_in_is_the_references():
    reference = Course(ROOT, "ex03_segmentation").reference_answers()["TransposedDecoder"]
    assert {channels: count(reference, channels) for channels in USUAL} == USUAL


def test_the_other_class_is_the_one_beside_the_answer():
    """Whether or not the module that it stands in can be imported: a notebook cannot."""
    names = {"nn": nn, "__name__": "a notebook"}
    exec(
        "def TransposedDecoder(channels, classes): return nn.Linear(channels[0], classes)\n"
        "class UNetDecoder(nn.Linear):\n"
        "    def __init__(self, channels, classes): super().__init__(channels[0] + channels[1], classes)\n"
        "    def forward(self, features): return features\n",
        names,
    )

    def found():
        return decoder_probes.count_parameters(
            names["UNetDecoder"], {}, encoder_channels=[3, 4], num_classes=2, beside="TransposedDecoder"
        )

    assert found() == {"own": 16, "other": 8}
    del names["TransposedDecoder"]
    assert found() == {"own": 16, "other": None}


@pytest.mark.parametrize("mistake", ["too_heavy", "too_light"])
def test_unmatched_tells_both_numbers(capsys, mistake):
    answer, other = KNOWN_WRONG["UNetDecoder"][mistake], known_wrong.TransposedDecoder
    told = said(check, "UNetDecoder", answer, capsys)
    assert f"{count(answer):,} parameters" in told and f"{count(other):,}" in told
    assert ("make it narrower" in told) == (count(answer) > count(other)) == (mistake == "too_heavy")


# How the checks look.


@pytest.mark.parametrize(
    ("up", "sizes"), [(True, [(5, 6), (3, 3), (2, 2)]), (False, [(5, 6), (2, 3), (1, 1)])], ids=["up", "down"]
)
def test_an_encoder_rounds_up_or_down(up, sizes):
    assert sizes_of((5, 6), 3, up) == sizes


def test_features_are_the_same_bits_everywhere():
    first, second = draw_features(case_rng(0, "q", "c"), (2, 3), [(4, 5), (2, 2)], images=2)
    assert first.shape == (2, 2, 4, 5) and second.shape == (2, 3, 2, 2)
    assert torch.equal(first * 16, (first * 16).round()) and first.abs().max() <= 2


@pytest.mark.parametrize(
    ("stage", "energy", "misplaced"),
    [
        (0, (10, 20), False),  # the corner between the 9th and the 10th pixel of 20 is the middle of 40
        (0, (8, 20), False),
        (0, (11, 20), False),
        (0, (7, 20), True),
        (0, (12, 20), True),
        (0, (10, 17), True),
        (1, (5, 10), False),
        (1, (7, 10), True),
    ],
)
def test_a_look_may_be_a_pixel_and_a_half_beside_its_place(stage, energy, misplaced):
    maps = torch.zeros(20 >> stage, 40 >> stage)
    maps[energy] = 3.0
    decoder = Decoder("Some", HINTS["decoders"])
    try:
        decoder.refuse_misplaced("Some", (20, 40), (40, 80), stage, maps)
    except Wrong as wrong:
        assert misplaced and wrong.mistake == "misplaced"
    else:
        assert not misplaced


def stirred(answer, channels=(16, 32, 64, 128), size=(32, 48)):
    """Return a decoder after the probe `stir`, and the features that it saw."""
    memory, features = {}, draw_features(case_rng(0, "q", "c"), channels, sizes_of(size, len(channels)), 2)
    decoder_probes.build(answer, memory, seed=0, encoder_channels=[*channels], num_classes=3)
    decoder_probes.stir(answer, memory, features=features)
    return memory["decoder"].eval(), features


@pytest.mark.parametrize("answer", [variants.DeepWithoutNorms, variants.ZeroEnd, variants.FunctionsOnly])
def test_after_stirring_the_deepest_features_can_be_seen(answer):
    """Fresh decoders of many layers hide them: the logits change by less than rounding, or not at all."""
    decoder, features = stirred(answer)
    with torch.no_grad():
        logits, other = decoder(features), decoder([*features[:-1], -features[-1]])
    assert (logits - other).abs().max() > 0.1 * logits.std()


def test_stirring_leaves_a_function_as_it_is_but_for_its_scale():
    """What is straight stays straight, what looks at one stage still does."""
    decoder, features = stirred(known_wrong.UpsampleDecoder)
    with torch.no_grad():
        up = F.interpolate(decoder.classify(features[-1]), (64, 96), mode="bilinear")
        assert torch.equal(decoder(features), up)
        assert up.std() > 0.1


@pytest.mark.parametrize(
    ("make", "doublings"),
    [
        (lambda: nn.ConvTranspose2d(2, 2, 2, stride=2), 1),
        (lambda: nn.ConvTranspose2d(2, 2, 2, stride=(2, 2)), 1),
        (lambda: nn.ConvTranspose2d(2, 2, 2, stride=(2, 1)), 0),
        (lambda: nn.ConvTranspose2d(2, 2, 3), 0),
        (lambda: nn.Conv2d(2, 2, 2, stride=2), 0),
        (lambda: lambda maps: F.conv_transpose2d(maps, torch.ones(2, 2, 2, 2), stride=2), 1),
        (lambda: lambda maps: F.conv_transpose2d(maps, torch.ones(2, 2, 2, 2)), 0),
        (lambda: nn.Upsample(scale_factor=2), 0),
    ],
)
def test_transposed_convolutions_of_stride_two_are_counted(make, doublings):
    layer = make()
    with decoder_probes.Watch() as seen:
        layer(torch.ones(1, 2, 4, 4))
    assert len(seen.doublings) == doublings


def steps_of(answer, size=(32, 48), up=False):
    """Return what the probe `steps_up` says of an answer's steps."""
    memory, channels, sizes = {}, (8, 16, 32, 64), sizes_of(size, 4, up)
    features, others = (draw_features(case_rng(n, "q", "c"), channels, sizes, 2) for n in (0, 1))
    decoder_probes.build(answer, memory, seed=0, encoder_channels=[*channels], num_classes=3)
    decoder_probes.stir(answer, memory, features=features)
    return decoder_probes.steps_up(answer, memory, features=features, others=others)


SIZES = [[4, 6], [8, 12], [16, 24], [32, 48]]


@pytest.mark.parametrize("answer", [variants.TransposedDecoder, variants.WithBatchNorm, variants.FunctionsOnly])
def test_every_step_of_a_right_decoder_counts_and_bends(answer):
    assert steps_of(answer) == [{"size": size, "counts": True, "bends": True, "scores": False} for size in SIZES]


def test_a_step_times_zero_does_not_count_and_one_without_nonlinearity_does_not_bend():
    class TimesZero(variants.TransposedDecoder):
        """Its last but one step is an interpolation, beside which a transposed convolution is multiplied by 0."""

        def __init__(self, encoder_channels, num_classes):
            super().__init__(encoder_channels, num_classes)
            self.steps[2] = Beside(self.steps[2])

    class Beside(nn.Module):
        def __init__(self, step):
            super().__init__()
            self.step, self.narrow = step, nn.Conv2d(16, 8, 1)

        def forward(self, maps):
            return F.interpolate(self.narrow(maps), scale_factor=2).relu() + 0 * self.step(maps)

    class Straight(variants.TransposedDecoder):
        def __init__(self, encoder_channels, num_classes):
            super().__init__(encoder_channels, num_classes)
            self.steps[1] = self.steps[1][0]

    assert [step["counts"] for step in steps_of(TimesZero)] == [True, True, False, True]
    assert [step["bends"] for step in steps_of(Straight)] == [True, False, True, True]


def test_steps_start_from_the_sizes_of_the_encoder_or_do_not():
    assert [step["size"] for step in steps_of(variants.TransposedDecoder, (65, 81), True)] == [
        [9, 11], [17, 21], [33, 41], [65, 81],
    ]  # fmt: skip
    late = steps_of(KNOWN_WRONG["TransposedDecoder"]["fitted_late"], (65, 81), True)
    assert [step["size"] for step in late] == [[9, 11], [18, 22], [36, 44], [72, 88]]


def seen_coarsely(what):
    """Return what the probe `coarse` says of a decoder whose logits are `what(features)` of two stages."""

    class Seeing(nn.Module):
        def forward(self, features):
            return what(*features)

    maps = [torch.randn(2, 3, 8, 12), torch.randn(2, 3, 4, 6)]
    return decoder_probes.coarse(None, {"decoder": Seeing()}, features=maps)


@pytest.mark.parametrize(
    ("what", "found"),
    [
        (lambda a, b: a[:, :, :4, :6] + b, [False, False]),
        (lambda a, b: F.max_pool2d(a, 2) + b, [True, False]),
        (lambda a, b: F.avg_pool2d(a, 2) + F.max_pool2d(b, 2).sum(), [True, True]),
        (lambda a, b: a[:, :, ::2, ::2] + b, [True, False]),
        (lambda a, b: F.interpolate(a, (2, 3), mode="bilinear"), [True, False]),
        (lambda a, b: F.dropout(a, 0.6, training=False).relu(), [False, False]),
        (lambda a, b: (a + 1).detach(), [False, False]),
    ],
)
def test_pooled_and_strided_maps_are_seen_coarsely(what, found):
    torch.manual_seed(0)
    assert seen_coarsely(what) == found


class OneSum(known_wrong.UNetDecoder):
    """Joins as a U-Net does; only the nonlinearity of one join can be left out."""

    straight = 0

    def look(self, channels_in, channels):
        layers = super().look(channels_in, channels)
        return layers[:-1] if channels == self.straight else layers


@pytest.mark.parametrize(("channels", "named"), [(16, "joined_linearly"), (32, "joined_at_once")])
def test_each_join_needs_a_nonlinearity_before_the_next(channels, named):
    """16 and 32 are the channels of features[0] and features[1]; what has as many is left without."""
    OneSum.straight = channels
    assert hidden_marks("UNetDecoder", OneSum)[1][0] == named
