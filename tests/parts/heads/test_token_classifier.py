"""Heads that label words: their losses by other ways, and unknown labels."""

import itertools

import pytest
import torch

from seqpipe.errors import ConfigError
from seqpipe.parts.heads import Crf, TokenClassifier

LENGTHS = torch.tensor([3, 0, 2])


@pytest.fixture
def logits():
    torch.manual_seed(1)
    return torch.randn(5, 3)


@pytest.fixture
def crf():
    head = Crf(4, 3)
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in head.chain:
            parameter.copy_(torch.randn(parameter.shape))
    return head


def likelihood(crf, logits, truths):
    """Return minus the log of the share of all sequences with the known labels, for one text."""
    scores = {}
    for labels in itertools.product(range(3), repeat=len(logits)):
        score = sum(logits[t, label] for t, label in enumerate(labels))
        score += sum(crf.transitions[pair] for pair in itertools.pairwise(labels))
        scores[labels] = score + crf.starts[labels[0]] + crf.ends[labels[-1]]
    fits = [
        score
        for labels, score in scores.items()
        if all(truth in (-1, label) for label, truth in zip(labels, truths, strict=True))
    ]
    return torch.stack([*scores.values()]).logsumexp(0) - torch.stack(fits).logsumexp(0)


@pytest.mark.parametrize("truths", [[0, 2, 1, 1, 0], [0, -1, 1, -1, -1], [-1, -1, -1, 2, -1]])
def test_crf_loss_is_the_likelihood_of_the_known_labels(crf, logits, truths):
    expected = likelihood(crf, logits[:3], truths[:3]) + likelihood(crf, logits[3:], truths[3:])
    found = crf.loss(logits, torch.tensor(truths), LENGTHS)
    torch.testing.assert_close(found.float(), expected / 5)


def test_crf_scores_are_marginals(crf, logits):
    scores = crf.sequence_scores(logits, LENGTHS)
    # The derivative of log Z by a logit.
    given = logits.clone().requires_grad_()
    free = torch.full((5,), -1)
    known = crf.loss(given, torch.zeros(5, dtype=torch.int64), LENGTHS) * 5
    known.backward()
    zeros = torch.nn.functional.one_hot(torch.zeros(5, dtype=torch.int64), 3)
    torch.testing.assert_close(scores, given.grad + zeros)
    assert crf.loss(logits, free, LENGTHS).item() == pytest.approx(0, abs=1e-12)


def test_well_fitted_crf_has_no_loss_below_zero(crf):
    truths = torch.randint(3, (2000,))
    logits = 20.0 * torch.nn.functional.one_hot(truths, 3)
    assert 0 <= crf.loss(logits, truths, torch.tensor([2000])).item() < 1e-4


def test_loss_of_words_by_themselves_is_their_cross_entropy(logits):
    truths = torch.tensor([0, -1, 2, 1, -1])
    head = TokenClassifier(4, 3)
    known = truths >= 0
    expected = torch.nn.functional.cross_entropy(logits[known], truths[known], reduction="sum") / 5
    torch.testing.assert_close(head.loss(logits, truths, LENGTHS), expected)
    smooth = TokenClassifier(4, 3, label_smoothing=0.3)
    targets = torch.nn.functional.one_hot(truths[known], 3) * 0.7 + 0.1
    expected = -(targets * logits[known].log_softmax(1)).sum() / 5
    torch.testing.assert_close(smooth.loss(logits, truths, LENGTHS), expected)
    nothing = torch.zeros(0, dtype=torch.int64)
    assert float(head.loss(logits[:0], nothing, torch.tensor([0]))) == 0


@pytest.mark.parametrize("head", [Crf, TokenClassifier])
def test_share_out_of_bounds_is_refused(head):
    with pytest.raises(ConfigError, match="`dropout` is 1"):
        head(4, 3, dropout=1.0)
    with pytest.raises(ConfigError, match="`label_smoothing` is -1"):
        TokenClassifier(4, 3, label_smoothing=-1.0)
