"""Sums over sequences of labels against all sequences one by one, and against pytorch-crf."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchcrf import CRF

from seqpipe.kernels import Chain, forward_backward, viterbi
from seqpipe.kernels.c import _chains
from seqpipe.native import own_threads
from seqpipe.parts.heads._token_classifier import log_partition, sequence_score


@pytest.fixture(autouse=True, scope="module", params=["c", "torch"])
def engine(request):
    """Have everything computed in C, and in torch."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "torch":
            patch.setattr(_chains, "_has_library", lambda: False)
        elif not _chains._has_library():
            pytest.skip("there's no compiler")
        yield


cases = st.tuples(
    st.lists(st.integers(0, 4), max_size=4),
    st.integers(1, 3),
    st.integers(0, 2**31),
    st.floats(0.1, 20),
)


def draw(lengths, labels, seed, scale):
    """Return logits and a chain, in double precision."""
    torch.manual_seed(seed)
    shapes = [(sum(lengths), labels), (labels, labels), (labels,), (labels,)]
    logits, *chain = (scale * torch.randn(shape, dtype=torch.double) for shape in shapes)
    return logits, Chain(*chain)


def all_sequences(logits, chain):
    """Return each sequence of labels of one text with its score."""
    found = {}
    for labels in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        score = sum(logits[t, label] for t, label in enumerate(labels))
        score += sum(chain.transitions[pair] for pair in itertools.pairwise(labels))
        found[labels] = float(score + chain.starts[labels[0]] + chain.ends[labels[-1]])
    return found


@given(cases)
@settings(max_examples=60, deadline=None)
def test_sums_are_those_of_all_sequences(case):
    lengths, labels, *_ = case
    logits, chain = draw(*case)
    found = forward_backward(logits, torch.tensor(lengths, dtype=torch.int64), chain)
    pairs, firsts, lasts = torch.zeros(labels, labels), torch.zeros(labels), torch.zeros(labels)
    start = 0
    for text, length in enumerate(lengths):
        if not length:
            assert found.log_partitions[text] == 0
            continue
        scores = all_sequences(logits[start : start + length], chain)
        top = max(scores.values())
        total = top + math.log(sum(math.exp(score - top) for score in scores.values()))
        assert float(found.log_partitions[text]) == pytest.approx(total, rel=1e-6, abs=1e-6)
        marginals = torch.zeros(length, labels)
        for sequence, score in scores.items():
            share = math.exp(score - total)
            firsts[sequence[0]] += share
            lasts[sequence[-1]] += share
            for t, label in enumerate(sequence):
                marginals[t, label] += share
            for pair in itertools.pairwise(sequence):
                pairs[pair] += share
        ours = found.marginals[start : start + length].float()
        torch.testing.assert_close(ours, marginals, atol=1e-4, rtol=1e-4)
        start += length
    torch.testing.assert_close(found.transitions.float(), pairs, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.starts.float(), firsts, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.ends.float(), lasts, atol=1e-4, rtol=1e-4)


@given(cases)
@settings(max_examples=60, deadline=None)
def test_best_sequence_has_the_highest_score(case):
    lengths, *_ = case
    logits, chain = draw(*case)
    found = viterbi(logits, torch.tensor(lengths, dtype=torch.int64), chain)
    for own, labels in zip(logits.split(lengths), found.split(lengths), strict=True):
        if len(own):
            scores = all_sequences(own, chain)
            assert scores[tuple(labels.tolist())] == pytest.approx(max(scores.values()))


def test_gradients_are_those_of_the_definition():
    lengths = torch.tensor([3, 0, 1, 2])
    logits, chain = draw(lengths.tolist(), 3, 0, 1.0)
    given = [each.requires_grad_() for each in (logits, *chain)]
    assert torch.autograd.gradcheck(lambda x, *c: log_partition(x, lengths, Chain(*c)), given)
    labels = torch.tensor([0, 2, 1, 1, 2, 0])
    assert torch.autograd.gradcheck(
        lambda x, *c: sequence_score(x, labels, lengths, Chain(*c)), given
    )


def test_results_are_those_of_pytorch_crf():
    lengths = torch.tensor([5, 2, 7])
    logits, chain = draw(lengths.tolist(), 4, 3, 2.0)
    labels = torch.randint(4, (14,))
    other = CRF(4, batch_first=True).double()
    with torch.no_grad():
        other.transitions.copy_(chain.transitions)
        other.start_transitions.copy_(chain.starts)
        other.end_transitions.copy_(chain.ends)
    texts = logits.split(lengths.tolist())
    padded = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True)
    tags = torch.nn.utils.rnn.pad_sequence(labels.split(lengths.tolist()), batch_first=True)
    mask = torch.arange(7) < lengths[:, None]
    theirs = other(padded, tags, mask=mask, reduction="sum")
    ours = sequence_score(logits, labels, lengths, chain) - log_partition(logits, lengths, chain)
    torch.testing.assert_close(ours, theirs)
    decoded = [label for text in other.decode(padded, mask) for label in text]
    assert viterbi(logits, lengths, chain).tolist() == decoded


def test_text_has_the_same_sums_alone_and_in_a_batch():
    lengths = [4, 0, 9, 1]
    logits, chain = draw(lengths, 5, 1, 3.0)
    whole = forward_backward(logits, torch.tensor(lengths), chain)
    for text, own in enumerate(logits.split(lengths)):
        alone = forward_backward(own, torch.tensor([len(own)]), chain)
        torch.testing.assert_close(alone.log_partitions[0], whole.log_partitions[text])
        start = sum(lengths[:text])
        torch.testing.assert_close(alone.marginals, whole.marginals[start : start + len(own)])


def test_forbidden_neighbours_have_no_probability():
    logits = torch.tensor([[0.0, 300.0], [0.0, 300.0], [300.0, 0.0]])
    transitions = torch.tensor([[0.0, -torch.inf], [0.0, 0.0]])
    starts = torch.tensor([0.0, -torch.inf])
    chain = Chain(transitions, starts, torch.zeros(2))
    found = forward_backward(logits, torch.tensor([3]), chain)
    # From label 0 there's no way to label 1, however much better it looks.
    assert found.marginals[:, 0].tolist() == [1.0, 1.0, 1.0]
    assert viterbi(logits, torch.tensor([3]), chain).tolist() == [0, 0, 0]
    assert float(found.log_partitions[0]) == pytest.approx(300.0)


@pytest.mark.parametrize(
    ("logits", "lengths", "labels"),
    [
        (torch.zeros(6, 4), torch.tensor([4, 2], dtype=torch.int32), 4),
        (torch.zeros(6, 4), torch.tensor([4, 2]), 3),
        (torch.zeros(6, 4), torch.tensor([4, 3]), 4),
        (torch.zeros(6, 4), torch.tensor([7, -1]), 4),
        (torch.zeros(6), torch.tensor([6]), 1),
        (torch.zeros(6, 0), torch.tensor([6]), 0),
    ],
)
def test_sizes_that_do_not_fit_are_refused(logits, lengths, labels):
    chain = Chain(torch.zeros(labels, labels), torch.zeros(labels), torch.zeros(labels))
    for function in (forward_backward, viterbi):
        with pytest.raises(ValueError, match=r"lengths|logits"):
            function(logits, lengths, chain)


def test_threads_change_nothing():
    lengths = torch.tensor([40, 3, 0, 17] * 20)
    logits, chain = draw(lengths.tolist(), 40, 1, 2.0)
    with own_threads(1):
        alone = forward_backward(logits, lengths, chain), viterbi(logits, lengths, chain)
    with own_threads(2):
        together = forward_backward(logits, lengths, chain), viterbi(logits, lengths, chain)
    for one, other in zip((*alone[0], alone[1]), (*together[0], together[1]), strict=True):
        assert torch.equal(one, other)


def test_logits_may_lie_otherwise_in_memory():
    logits, chain = draw([4, 3], 5, 1, 2.0)
    lengths = torch.tensor([4, 3])
    other = logits.T.contiguous().T
    for one, two in zip(
        forward_backward(logits, lengths, chain),
        forward_backward(other, lengths, chain),
        strict=True,
    ):
        assert torch.equal(one, two)
    assert torch.equal(viterbi(logits, lengths, chain), viterbi(other, lengths, chain))
