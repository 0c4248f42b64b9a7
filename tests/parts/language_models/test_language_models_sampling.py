"""What's drawn from probabilities, and how they're restricted before."""

import pytest
import torch

from seqpipe.errors import ConfigError
from seqpipe.parts.language_models import LanguageModel, TrainedModel, Vocabulary, restrict
from seqpipe.parts.language_models._sampling import draw

LOGS = torch.tensor([0.1, 0.4, 0.05, 0.3, 0.15]).log()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.1, 0.4, 0.05, 0.3, 0.15]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7, 0]),
        ({"top_k": 9}, [0.1, 0.4, 0.05, 0.3, 0.15]),
        ({"top_p": 0.4}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.41}, [0, 4 / 7, 0, 3 / 7, 0]),
        ({"top_p": 1.0}, [0.1, 0.4, 0.05, 0.3, 0.15]),
        # Of the three likeliest, which then have 0.47, 0.35 and 0.18.
        ({"top_k": 3, "top_p": 0.8}, [0, 4 / 7, 0, 3 / 7, 0]),
        ({"temperature": 0.0}, [0, 1, 0, 0, 0]),
        ({"temperature": 0.5, "top_k": 2}, [0, 16 / 25, 0, 9 / 25, 0]),
        ({"temperature": 1e-310}, [0, 1, 0, 0, 0]),
        ({"temperature": 5e-324, "top_p": 0.5}, [0, 1, 0, 0, 0]),
    ],
)
def test_probabilities_are_restricted(settings, expected):
    found = restrict(LOGS, **settings)
    torch.testing.assert_close(found, torch.tensor(expected).double(), atol=1e-6, rtol=0)


def test_what_cannot_follow_stays_impossible():
    logs = torch.tensor([-torch.inf, 0.0, -torch.inf])
    assert restrict(logs, temperature=0.1, top_p=0.9).tolist() == [0, 1, 0]


def test_numbers_are_drawn_as_often_as_they_are_likely():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.tensor([0.0, 0.7, 0.0, 0.3, 0.0]).double()
    drawn = torch.tensor([draw(probabilities, generator) for _ in range(2000)])
    counts = drawn.bincount(minlength=5)
    assert counts[[0, 2, 4]].sum() == 0
    assert abs(counts[1] / 2000 - 0.7) < 0.04


def trained(direction="forward", **settings):
    torch.manual_seed(1)
    vocabulary = Vocabulary("abcdef")
    model = LanguageModel(len(vocabulary), width=6, **settings)
    torch.nn.init.normal_(model.embedding.weight)
    return TrainedModel(vocabulary, model, direction=direction)


def test_the_same_seed_draws_the_same_text_and_another_one_another():
    model = trained()
    first, again, other = (model.generate("ab", length=30, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert set(first) <= set("abcdef") and len(first) <= 30


def test_the_unknown_unit_is_never_drawn_and_the_end_ends_the_text():
    model = trained()
    with torch.no_grad():
        model.model.output.bias[1] = 50.0
    assert len(model.generate("", length=5, seed=0)) <= 5
    with torch.no_grad():
        model.model.output.bias[0] = 50.0
    assert model.generate("", length=5, seed=0) == []


def test_greedy_text_goes_on_from_any_of_its_beginnings():
    model = trained()
    with torch.no_grad():
        model.model.output.bias[0] = -50.0
    whole = model.generate("", length=12, temperature=0)
    assert whole[5:] == model.generate(whole[:5], length=7, temperature=0)


def test_backward_model_writes_what_stands_before_its_prompt():
    forward, backward = trained(), trained("backward")
    written = forward.generate("fed", length=9, seed=4)
    assert backward.generate("def", length=9, seed=4) == written[::-1]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"length": 0}, "length"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"seed": 2**64}, "seed"),
        ({"seed": -(2**63) - 1}, "seed"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings, named):
    with pytest.raises(ConfigError, match=f"`{named}`"):
        trained().generate("", **{"length": 3, **settings})
