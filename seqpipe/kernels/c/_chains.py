"""Linear chains of labels: sums over all sequences of labels of a text, and the best one, in C where that's possible.

A sequence of labels y of the T words of a text has the score

    s(y) = starts[y_1] + Σ_t logits[t, y_t] + Σ_t transitions[y_t, y_t+1] + ends[y_T]

and the probability exp(s(y)) / Z, where Z is the sum of exp(s) over all sequences (Lafferty, McCallum and
Pereira 2001). The texts stand one behind the other, `[N, L]`, beside their lengths. Nothing is
padded, and a text alone has the results that it has in any batch. All is computed in double precision.
"""

import ctypes
import functools
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from seqpipe.compilers import BuildError
from seqpipe.kernels.c._library import (
    CHAINS,
    CHAINS_FIELDS,
    available_threads,
    find_parallel,
    render_chains,
)
from seqpipe.native import build


class Chain(NamedTuple):
    """The transition scores of a chain; minus infinity where a label can't stand.

    Attributes:
        transitions: The score of label j after label i, `[L, L]`.
        starts: The score of each label at a first word, `[L]`.
        ends: The score of each label at a last word, `[L]`.
    """

    transitions: Tensor
    starts: Tensor
    ends: Tensor


@dataclass(frozen=True)
class _Steps:
    """In what order the words of a batch are gone through: the longest text first.

    Attributes:
        texts: The texts that have a word, the longest first.
        forward: For each step t, the row of word t of each text that has one.
        backward: For each step t, the row of the word t from the end.
    """

    texts: Tensor
    forward: list[Tensor]
    backward: list[Tensor]

    @classmethod
    def of(cls, lengths: Tensor) -> "_Steps":
        starts = lengths.cumsum(0) - lengths
        texts = lengths.argsort(descending=True, stable=True)
        texts = texts[lengths[texts] > 0]
        first, last = starts[texts], (starts + lengths - 1)[texts]
        # How many texts have a word t: those behind them in this order are shorter.
        longest = int(lengths[texts[0]]) if len(texts) else 0
        counts = (lengths[:, None] > torch.arange(longest)).sum(0).tolist()
        return cls(
            texts,
            [first[:count] + t for t, count in enumerate(counts)],
            [last[:count] - t for t, count in enumerate(counts)],
        )


class Sums(NamedTuple):
    """What the sums over all sequences of labels come to.

    Attributes:
        log_partitions: log Z of each text, `[B]`; 0 for one without words.
        marginals: The probability of each label at each word, `[N, L]`.
        transitions: The expected number of times that label j comes after label i, in all texts together, `[L, L]`.
        starts: The expected number of first words with each label, `[L]`.
        ends: The expected number of last words with each label, `[L]`.
    """

    log_partitions: Tensor
    marginals: Tensor
    transitions: Tensor
    starts: Tensor
    ends: Tensor


def _check(logits: Tensor, lengths: Tensor, chain: Chain) -> None:
    """Check what C would read beyond the end of.

    Raises:
        ValueError: Shapes, types or devices don't fit.
    """
    labels = logits.shape[1] if logits.ndim == 2 else -1
    shapes = [tuple(each.shape) for each in chain]
    if labels < 1 or shapes != [(labels, labels), (labels,), (labels,)]:
        raise ValueError(f"logits are {list(logits.shape)}, and the chain is {shapes}")
    if lengths.dtype != torch.int64 or lengths.ndim != 1 or (lengths < 0).any():
        raise ValueError(
            f"lengths are {lengths.dtype}, {list(lengths.shape)}; they should be int64, [B]"
        )
    if int(lengths.sum()) != len(logits):
        raise ValueError(
            f"lengths add up to {int(lengths.sum())}, and there are {len(logits)} rows"
        )
    if not all(each.is_cpu for each in (logits, lengths, *chain)):
        raise ValueError("logits, lengths and the chain should be on the CPU")


def forward_backward(logits: Tensor, lengths: Tensor, chain: Chain) -> Sums:
    """Sum over all sequences of labels, forward and backward (Rabiner 1989, section III).

    Probabilities are scaled to a sum of 1 at each word. In double precision, a label that's needed may be 700 below
    the best one of its word before it's lost.

    Args:
        logits: The score of each label at each word, `[N, L]`, on the CPU.
        lengths: The number of words of each text, `[B]`, int64, on the CPU.
        chain: The transition scores, on the CPU.

    Returns:
        Sums in double precision, NaN for a text that the chain allows no sequence for.

    Raises:
        ValueError: Shapes, types or devices don't fit.
    """
    _check(logits, lengths, chain)
    run = _forward_backward_in_c if _has_library() else _forward_backward_in_torch
    return run(logits.double().contiguous(), lengths, chain)


def _forward_backward_in_torch(logits: Tensor, lengths: Tensor, chain: Chain) -> Sums:
    """Compute, step by step, a word of all texts that are that long, from their beginnings and from their ends."""
    steps = _Steps.of(lengths)
    best = logits.amax(1, keepdim=True) if logits.numel() else logits[:, :1]
    at_words = (logits - best).exp()
    (starts, top_start), (ends, top_end) = _scaled(chain.starts), _scaled(chain.ends)
    transitions, top_pair = _scaled(chain.transitions)
    both = torch.stack([transitions, transitions.T])
    before, after = torch.zeros_like(at_words), torch.zeros_like(at_words)
    log_scales = torch.zeros(len(steps.texts), dtype=torch.double)
    state = at_words.new_zeros(2, 0, len(starts))
    for t, (ahead, back) in enumerate(zip(steps.forward, steps.backward, strict=True)):
        count = len(ahead)
        state = (
            state[:, :count] @ both
            if t
            else torch.stack([starts.expand(count, -1), ends.expand(count, -1)])
        )
        after[back] = state[1]
        state = state * at_words[torch.stack([ahead, back])]
        sums = state.sum(2, keepdim=True)
        state = state / sums
        before[ahead] = state[0]
        log_scales[:count] += sums[0, :, 0].log()
    last, first = _ends(steps, lengths)
    log_scales += (before[last] * ends).sum(1).log()
    log_scales += top_start + top_end + top_pair * (lengths[steps.texts] - 1)
    log_partitions = torch.zeros(len(lengths), dtype=torch.double)
    log_partitions[steps.texts] = log_scales
    log_partitions.index_add_(0, _texts_of(lengths), best[:, 0])
    marginals = before * after
    marginals = marginals / marginals.sum(1, keepdim=True)
    is_inner = torch.ones(len(logits), dtype=torch.bool)
    is_inner[last] = False
    rows = is_inner.nonzero()[:, 0]
    follows = at_words[rows + 1] * after[rows + 1]
    weights = ((before[rows] @ transitions) * follows).sum(1, keepdim=True)
    pairs = transitions * (before[rows].T @ (follows / weights))
    return Sums(log_partitions, marginals, pairs, marginals[first].sum(0), marginals[last].sum(0))


def _scaled(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return exp(scores) over its greatest value, and the greatest score."""
    scores = scores.double()
    top = scores.max()
    return (scores - top).exp(), top


def _ends(steps: _Steps, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of the last and the first word of each text that has one, the longest text first."""
    empty = lengths.new_zeros(0)
    return (steps.backward or [empty])[0], (steps.forward or [empty])[0]


def _texts_of(lengths: Tensor) -> Tensor:
    """Return the number of each word's text, `[N]`."""
    return torch.arange(len(lengths)).repeat_interleave(lengths)


def viterbi(logits: Tensor, lengths: Tensor, chain: Chain) -> Tensor:
    """Return the labels of the sequence with the highest score for each text (Viterbi 1967), `[N]`, int64.

    Of equal ones it's the one whose last labels come first. If a chain allows no sequence at all, some labels are returned.

    Args:
        logits: As `forward_backward` has them.
        lengths: As there.
        chain: As there.

    Raises:
        ValueError: As there.
    """
    _check(logits, lengths, chain)
    run = _viterbi_in_c if _has_library() else _viterbi_in_torch
    return run(logits.double().contiguous(), lengths, chain)


def _viterbi_in_torch(logits: Tensor, lengths: Tensor, chain: Chain) -> Tensor:
    chain = Chain(*(each.double() for each in chain))
    steps = _Steps.of(lengths)
    backpointers = torch.zeros(logits.shape, dtype=torch.int64)
    state = logits.new_zeros(0, logits.shape[1])
    finals = torch.zeros(len(steps.texts), dtype=torch.int64)
    for t, rows in enumerate(steps.forward):
        count = len(rows)
        if t:
            state, backpointers[rows] = (state[:count, :, None] + chain.transitions).max(1)
        else:
            state = chain.starts.expand(count, -1)
        state = state + logits[rows]
        following = len(steps.forward[t + 1]) if t + 1 < len(steps.forward) else 0
        finals[following:count] = (state[following:] + chain.ends).argmax(1)
    labels = torch.zeros(len(logits), dtype=torch.int64)
    found = finals
    for rows in steps.backward:
        # A text of n words is in the first n steps from the end too.
        found = found[: len(rows)]
        labels[rows] = found
        found = backpointers[rows].gather(1, found[:, None])[:, 0]
    return labels


# In C.


#: With fewer operations, a call ends before a sleeping thread wakes.
_MIN_THREADED: Final = 500_000


def _forward_backward_in_c(logits: Tensor, lengths: Tensor, chain: Chain) -> Sums:
    (transitions, top_pair), (starts, top_start), (ends, top_end) = map(_scaled, chain)
    before, after, follows, marginals = (torch.empty_like(logits) for _ in range(4))
    log_scales = logits.new_zeros(len(lengths))
    texts = _call(
        logits,
        lengths,
        [transitions, transitions.T, starts, ends, before, after, follows, marginals, log_scales],
    )
    scales = log_scales[: len(texts)] + top_start + top_end + top_pair * (lengths[texts] - 1)
    log_partitions = torch.zeros_like(log_scales).index_copy(0, texts, scales)
    pairs = transitions * (before[:-1].T @ follows[1:])
    ends_at = lengths.cumsum(0)[lengths > 0]
    firsts = marginals[ends_at - lengths[lengths > 0]].sum(0)
    return Sums(log_partitions, marginals, pairs, firsts, marginals[ends_at - 1].sum(0))


def _viterbi_in_c(logits: Tensor, lengths: Tensor, chain: Chain) -> Tensor:
    transitions, starts, ends = (each.double() for each in chain)
    scores, backpointers = torch.empty_like(logits), torch.empty(logits.shape, dtype=torch.int64)
    best = torch.empty(len(logits), dtype=torch.int64)
    none = torch.empty(0)
    tensors = [
        transitions,
        transitions,
        starts,
        ends,
        none,
        none,
        none,
        scores,
        none,
        best,
        backpointers,
    ]
    _call(logits, lengths, tensors)
    return best


def _call(logits: Tensor, lengths: Tensor, tensors: list[Tensor]) -> Tensor:
    """Call C with the tensors of a `Chains` from `transitions` on, empty ones as null; return the texts in their order."""
    # The longest first, so that none is begun when all others are done. These references keep memory alive.
    length, texts = lengths.sort(descending=True, stable=True)
    count = int((length > 0).sum())
    start = (lengths.cumsum(0) - lengths)[texts]
    given = [each.contiguous() for each in (start, length, logits, *tensors)]
    pointers = [each.data_ptr() if each.numel() else 0 for each in given]
    labels = logits.shape[1]
    fields = [count, labels, *pointers]
    packed = CHAINS.pack(*fields, *[0] * (len(CHAINS_FIELDS) - len(fields)))
    threads = available_threads() if logits.numel() * labels >= _MIN_THREADED else 1
    if count and labels:
        _library()(packed, threads, find_parallel()[0])
    return texts[:count]


@functools.cache
def _has_library() -> bool:
    try:
        _library()
    except BuildError:
        return False
    return True


@functools.cache
def _library() -> Any:
    chains = build(render_chains()).seqpipe_chains
    chains.argtypes = [ctypes.c_char_p, ctypes.c_int64, ctypes.c_void_p]
    chains.restype = None
    return chains
