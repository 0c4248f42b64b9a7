"""Heads for pairs: what they compare, and that places don't matter where they shouldn't."""

import pytest
import torch

from seqpipe.errors import ConfigError
from seqpipe.parts.heads import PairClassifier, PairRegressor


def stirred(head):
    torch.manual_seed(0)
    for parameter in head.parameters():
        parameter.data.normal_()
    return head.eval()


def swapped(inputs, lengths, firsts):
    """Return the same pairs with their texts in the other order."""
    pairs = []
    for pair, first in zip(inputs.split(lengths.tolist()), firsts.tolist(), strict=True):
        pairs += [pair[first:], pair[:first]]
    return torch.cat(pairs), lengths, lengths - firsts


BATCH = torch.randn(12, 6), torch.tensor([5, 4, 3]), torch.tensor([2, 1, 3])


@pytest.mark.parametrize("head", [PairClassifier, PairRegressor])
def test_symmetric_heads_do_not_know_which_text_is_first(head):
    symmetric = stirred(head(6, 2, symmetric=True))
    torch.testing.assert_close(
        symmetric(*BATCH[:2], firsts=BATCH[2]),
        symmetric(*swapped(*BATCH)[:2], firsts=swapped(*BATCH)[2]),
    )
    ordered = stirred(head(6, 2, symmetric=False))
    there = ordered(*BATCH[:2], firsts=BATCH[2])
    back = ordered(*swapped(*BATCH)[:2], firsts=swapped(*BATCH)[2])
    assert not torch.allclose(there, back)


def test_pair_scores_the_same_whichever_other_pairs_are_in_the_batch():
    head = stirred(PairRegressor(6, 1))
    together = head(*BATCH[:2], firsts=BATCH[2])
    alone = head(BATCH[0][5:9], BATCH[1][1:2], firsts=BATCH[2][1:2])
    torch.testing.assert_close(together[1:2], alone)


def test_words_of_equal_texts_are_all_matched():
    head = PairRegressor(6, 1)
    words = torch.randn(3, 6)
    both = torch.cat([words, words.flip(0)])
    matched = head.comparison._matched(both, [3, 3])
    torch.testing.assert_close(matched, torch.ones(1, 2))
    # Weights are learnt; these have the first word count alone.
    head.comparison.weight.bias.data.fill_(-50.0)
    head.comparison.weight.weight.data = words[:1] * 100
    one = head.comparison._matched(torch.cat([words, words[:1]]), [3, 1])
    torch.testing.assert_close(one[0, 0], torch.tensor(1.0), atol=1e-3, rtol=0)


def test_text_without_words_is_matched_by_none():
    head = stirred(PairClassifier(6, 2))
    scored = head(torch.randn(3, 6), torch.tensor([3, 0]), firsts=torch.tensor([3, 0]))
    assert scored.shape == (2, 2)
    assert scored.isfinite().all()
    assert head.comparison._matched(torch.randn(3, 6), [3, 0]).tolist() == [[0.0, 0.0]]


def test_gradients_are_those_of_the_differences():
    torch.manual_seed(1)
    head = stirred(PairClassifier(4, 2, dropout=0.0, pool="mean", hidden=3)).double()
    inputs = torch.randn(7, 4, dtype=torch.float64, requires_grad=True)
    lengths, firsts = torch.tensor([4, 3]), torch.tensor([2, 1])
    assert torch.autograd.gradcheck(lambda x: head(x, lengths, firsts=firsts), (inputs,))


def test_hidden_layer_has_a_width():
    with pytest.raises(ConfigError, match="`hidden` is 0"):
        PairRegressor(6, 1, hidden=0)
