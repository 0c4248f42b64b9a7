"""Vectors from characters: equal to plain torch, the same in any batch, and with exact gradients."""

import numpy as np
import pytest
import spacy
import torch
from torch import nn

from seqpipe.adapters import _characters
from seqpipe.adapters._characters import (
    CHARACTER_ENCODERS,
    CharacterConvolution,
    CharacterRecurrence,
    find_character_encoder,
    spellings,
)
from seqpipe.errors import ConfigError

WORDS = ["running", "a", "Ümläute", "汉字", "", "a", "😀y", "running", "x" * 50]
BORDER = 5000
names = pytest.mark.parametrize("name", list(CHARACTER_ENCODERS))


def spelled(*words):
    vocab = spacy.blank("xx").vocab
    return spellings(vocab, np.array([vocab.strings.add(word) for word in words], dtype="uint64"))


def made(name, width=6):
    torch.manual_seed(0)
    return CHARACTER_ENCODERS[name](width).double()


def rows(word):
    """Return a word's rows as they're documented."""
    read = word if len(word) <= 40 else word[:20] + word[-20:]
    return [ord(character) % 5000 for character in read] or [BORDER]


def convolved(encoder, word):
    """Compute a word's vector with torch's own convolution and pooling."""
    vectors = encoder.table.weight[[BORDER, *rows(word), BORDER]]
    filters = encoder.filters.weight.view(encoder.width, 3, -1).transpose(1, 2)
    matches = nn.functional.conv1d(vectors.t()[None], filters, encoder.filters.bias)
    return matches.amax(2)[0].tanh()


def recurred(encoder, word):
    """Compute a word's vector step by step, a direction after the other."""
    vectors, halves = encoder.table.weight[rows(word)], []
    for cell, steps in (encoder.forwards, vectors), (encoder.backwards, vectors.flip(0)):
        state = cell.initial_state(1, vectors)
        for step in steps:
            _, state = cell(step[None], state)
        halves.append(state[0][0])
    return torch.cat(halves)


REFERENCES = {"convolution": convolved, "recurrent": recurred}


@names
def test_vectors_equal_those_of_plain_torch(name):
    encoder = made(name)
    expected = torch.stack([REFERENCES[name](encoder, word) for word in WORDS])
    torch.testing.assert_close(encoder(spelled(*WORDS)), expected)


@names
def test_gradients_equal_those_of_plain_torch(name):
    encoder = made(name)
    weights = torch.randn(len(WORDS), 6, dtype=torch.float64)
    gradients = []
    for vectors in (
        encoder(spelled(*WORDS)),
        torch.stack([REFERENCES[name](encoder, word) for word in WORDS]),
    ):
        gradients.append(torch.autograd.grad((vectors * weights).sum(), list(encoder.parameters())))
    torch.testing.assert_close(*gradients)
    assert all(gradient.any() for gradient in gradients[0])


@names
def test_gradients_equal_finite_differences(name):
    encoder, words = made(name, width=2), spelled("abc", "ab", "c")
    table = encoder.table.weight.detach()[:128].clone().requires_grad_()

    def run(table):
        weights = {"table.weight": torch.cat([table, encoder.table.weight[128:].detach()])}
        return torch.func.functional_call(encoder, weights, (words,))

    assert torch.autograd.gradcheck(run, table, fast_mode=True)


@names
def test_vector_of_a_word_does_not_depend_on_its_batch(name):
    encoder = made(name).float()
    together = encoder(spelled(*WORDS))
    for word, vector in zip(WORDS, together, strict=True):
        torch.testing.assert_close(encoder(spelled(word))[0], vector, atol=1e-6, rtol=0)


@names
def test_batch_without_words_has_no_vectors(name):
    assert made(name)(spelled()).shape == (0, 6)


def test_words_that_repeat_are_spelled_once():
    found = spelled("to", "be", "to")
    assert found.lengths.tolist() == [2, 2]
    assert found.words[0] == found.words[2] != found.words[1]


def test_long_words_are_read_at_both_ends():
    long = "a" * 20 + "b" * 10 + "c" * 20
    assert spelled(long).characters.tolist() == [ord("a")] * 20 + [ord("c")] * 20
    assert spelled("d" * 40).lengths.tolist() == [40]


def test_beginnings_and_endings_are_told_apart_from_what_is_inside():
    encoder = made("convolution")
    once, twice = encoder(spelled("ab", "abab"))
    assert not torch.allclose(once, twice)


def test_half_of_a_surrogate_pair_is_a_character():
    characters = _characters.spellings(Strings(["\ud800x"]), np.array([0], dtype="uint64"))
    assert characters.characters.tolist() == [0xD800 % 5000, ord("x")]


class Strings:
    """Stands for a vocabulary, as spaCy's refuses such words."""

    def __init__(self, strings):
        self.strings = strings


def test_encoder_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match='"convolve"; it may be "convolution" or "recurrent"'):
        find_character_encoder("convolve", 8)


def test_odd_width_has_no_two_directions():
    with pytest.raises(ConfigError, match="`characters` is 7"):
        CharacterRecurrence(7)
    assert CharacterConvolution(7).width == 7
