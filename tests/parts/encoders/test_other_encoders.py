"""Encoders that aren't recurrent, and stacks of encoders, beside plain references."""

import functools

import pytest
import torch
from torch import nn

from seqpipe.errors import ConfigError
from seqpipe.parts.encoders import Convolutional, Recurrent, SelfAttention, Stacked
from seqpipe.parts.encoders._stacked import _place

LENGTHS = torch.tensor([4, 0, 1, 3])


def stirred(encoder):
    torch.manual_seed(0)
    for parameter in encoder.parameters():
        parameter.data.normal_(std=0.5)
    return encoder.eval()


@pytest.mark.parametrize("window", [1, 2])
def test_convolution_is_that_of_torch_on_each_sequence(window):
    encoder = stirred(Convolutional(3, width=5, depth=1, window=window))
    inputs = torch.randn(8, 3)
    kernel = encoder.layers[0].weight.view(5, 2 * window + 1, 3).transpose(1, 2)
    expected = []
    for sequence in inputs.split(LENGTHS.tolist()):
        if not len(sequence):
            continue
        seen = nn.functional.conv1d(
            sequence.T[None], kernel, encoder.layers[0].bias, padding=window
        )
        expected.append(encoder.norms[0](nn.functional.gelu(seen[0].T)))
    torch.testing.assert_close(encoder(inputs, LENGTHS), torch.cat(expected))


def test_words_further_than_all_windows_are_not_seen():
    encoder = stirred(Convolutional(3, width=4, depth=2, window=1))
    inputs = torch.randn(9, 3)
    changed = inputs.clone()
    changed[8] += 1
    before, after = (encoder(each, torch.tensor([9])) for each in (inputs, changed))
    same = (before == after).all(1).tolist()
    assert same == [True] * 6 + [False] * 3


def test_attention_is_that_of_torch_on_each_sequence():
    encoder = stirred(SelfAttention(6, width=8, heads=2))
    inputs = torch.randn(8, 6)
    products = nn.functional.linear(inputs, encoder.products.weight, encoder.products.bias)
    expected = []
    for each in products.split(LENGTHS.tolist()):
        if not len(each):
            continue
        query, key, value = (part.unflatten(1, (2, 4)).transpose(0, 1) for part in each.chunk(3, 1))
        found = nn.functional.scaled_dot_product_attention(query, key, value)
        expected.append(found.transpose(0, 1).flatten(1))
    output = encoder.output(torch.cat(expected)) + encoder.shortcut(inputs)
    torch.testing.assert_close(encoder(inputs, LENGTHS), encoder.norm(output))


def test_layers_are_in_the_order_of_their_names():
    assert sorted(["b", "10", "a", "2"], key=_place) == ["2", "10", "a", "b"]
    layers = {"2": Recurrent, "1": functools.partial(Convolutional, width=6)}
    encoder = Stacked(3, layers=layers, width=4)
    assert [type(layer) for layer in encoder.layers] == [Convolutional, Recurrent]
    assert [layer.width for layer in encoder.layers] == [6, 4]


@pytest.mark.parametrize("shortcut", [None, "residual", "highway"])
def test_shortcut_is_what_its_paper_says(shortcut):
    layers = {
        "1": functools.partial(Convolutional, width=6),
        "2": functools.partial(SelfAttention, heads=2),
    }
    encoder = stirred(Stacked(3, layers=layers, width=4, shortcut=shortcut))
    inputs = torch.randn(8, 3)
    first = encoder.layers[0](inputs, LENGTHS)
    second = encoder.layers[1](first, LENGTHS)
    kept = encoder.maps[0](first)
    expected = {
        None: lambda: second,
        "residual": lambda: kept + second,
        "highway": lambda: kept + encoder.gates[0](first).sigmoid() * (second - kept),
    }[shortcut]()
    torch.testing.assert_close(encoder(inputs, LENGTHS), expected)


def test_stack_without_layers_is_recurrent_over_convolution():
    encoder = Stacked(3, width=4)
    assert [type(layer) for layer in encoder.layers] == [Convolutional, Recurrent]
    assert encoder(torch.randn(8, 3), LENGTHS).shape == (8, 4)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Convolutional(3, window=0), "`window` is 0"),
        (lambda: Convolutional(3, dropout=1.0), "`dropout` is 1.0"),
        (lambda: SelfAttention(3, width=6, heads=4), "heads have to divide the width"),
        (lambda: Stacked(3, layers={}), "`layers` has no encoder"),
        (lambda: Stacked(3, shortcut="other"), "`shortcut` is 'other'"),
        (
            lambda: Stacked(3, layers={"a": functools.partial(Recurrent, width=6)}, width=4),
            "the last layer, 'a', has `width` 6, and the whole 4",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_refused(make, problem):
    with pytest.raises(ConfigError, match=problem):
        make()
