"""What is special to exercise 3's decoders: hints that they share, numbers of parameters, how the checks look."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from answer_bank import DECODERS, POINTS, count, hidden_marks, mistake_of, of_size
from local_submission import said
from torch import nn
from worthless import STUBS

from grading.known_wrong import ex03_decoders as known_wrong
from grading.known_wrong.ex03_decoders import COMMON, KNOWN_WRONG
from grading.right_variants import ex03_decoders as variants
from helpers.checks import ex03_segmentation as check
from helpers.checks.engine.judge import GENERAL_HINTS
from helpers.checks.engine.question import Wrong, case_rng, read_hints
from helpers.checks.networks.decoder import Decoder
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
    assert hidden_marks("UNetDecoder", KNOWN_WRONG["UNetDecoder"]["unmatched"])[0] == 5
    assert hidden_marks("UNetDecoder", KNOWN_WRONG["UNetDecoder"]["not_fitted"])[0] == 5
    assert hidden_marks("UNetDecoder", KNOWN_WRONG["UNetDecoder"]["dropout_in_eval"])[0] == 5
    assert hidden_marks("UNetDecoder", KNOWN_WRONG["UNetDecoder"]["no_nonlinearity"])[0] == 4
    assert hidden_marks("TransposedDecoder", KNOWN_WRONG["TransposedDecoder"]["not_fitted"])[0] == 3
    assert hidden_marks("UpsampleDecoder", KNOWN_WRONG["UpsampleDecoder"]["nearest"])[0] == 1


# The number of parameters.


@pytest.mark.parametrize(("share", "named"), [(0.92, []), (1.09, []), (0.9, ["unmatched"]), (1.11, ["unmatched"])])
def test_ten_percent_of_the_smaller_number_are_allowed(monkeypatch, share, named):
    monkeypatch.setattr(variants, "TransposedDecoder", of_size(share, variants.Concatenating))
    assert hidden_marks("UNetDecoder", variants.Concatenating)[1] == named


@pytest.mark.parametrize("other", [None, STUBS["UNetDecoder"]["stub"], lambda *_: 3], ids=["none", "stub", "number"])
def test_without_a_transposed_decoder_only_the_comparison_is_lost(monkeypatch, capsys, other):
    """That class need not be right, only there: it is another question's answer."""
    monkeypatch.setattr(variants, "TransposedDecoder", other)
    points, named = hidden_marks("UNetDecoder", variants.Concatenating)
    assert (points, named) == (5, ["nothing_to_match"])
    assert HINTS["UNetDecoder"]["nothing_to_match"] in said(check, "UNetDecoder", variants.Concatenating, capsys)


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


def test_unmatched_tells_both_numbers(capsys):
    wider, other = KNOWN_WRONG["UNetDecoder"]["unmatched"], known_wrong.TransposedDecoder
    told = said(check, "UNetDecoder", wider, capsys)
    assert f"{count(wider):,} parameters" in told and f"{count(other):,}" in told


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
        (0, (10, 20), False),  # the middle of 40 x 80 is the middle of 20 x 40
        (0, (12, 20), False),
        (0, (13, 20), True),
        (0, (10, 17), True),
        (1, (5, 10), False),
        (1, (8, 10), True),
    ],
)
def test_a_look_may_be_two_pixels_beside_its_place(stage, energy, misplaced):
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
    assert seen.doublings == doublings
