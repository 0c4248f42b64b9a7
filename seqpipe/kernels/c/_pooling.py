"""Pooling of ragged sequences: in C where that's possible, and otherwise in torch."""

import ctypes
import functools
import struct
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from seqpipe.compilers import BuildError
from seqpipe.kernels._transforms import break_graph, is_batched
from seqpipe.kernels.c._engine import are_supported, is_plain
from seqpipe.kernels.c._library import (
    ATTENTION_FIELDS,
    POOLING,
    available_threads,
    find_parallel,
    render_pooling,
)
from seqpipe.native import build

# As pooling.c numbers them.
_KINDS: Final = {"last": 0, "mean": 1, "max": 2, "attention": 3}
# With fewer elements, a pass ends before a sleeping thread wakes.
_MIN_THREADED_ELEMENTS: Final = 200_000


class Attention(NamedTuple):
    """What says how well each vector matches a query, ``tanh(products + bias) · query``.

    Attributes:
        products: `[N, width]`, the vectors by the weight of the keys.
        bias: `[width]`, that of the keys.
        query: `[width]`
    """

    products: Tensor
    bias: Tensor
    query: Tensor


@break_graph
def pool_sequences(
    vectors: Tensor,
    lengths: Sequence[int],
    poolings: Sequence[str],
    attentions: Sequence[Attention] = (),
) -> Tensor:
    """Pool each sequence to one vector in several ways, differentiable.

    On a CPU, in float32 and float64, it's one operation in C if there's a compiler, on several threads. Otherwise,
    and for second derivatives, it's torch's operations for each sequence. Where several values are the greatest, they
    share its gradient evenly.

    Args:
        vectors: `[N, width]`, the sequences concatenated.
        lengths: The length of each of B sequences. One of 0 is pooled to zeros.
        poolings: "last", "mean", "max", "attention".
        attentions: One for each "attention", in their order: a mean of the vectors, weighted by the softmax of
            their matches over a sequence.

    Returns:
        `[B, len(poolings) * width]`

    Raises:
        RuntimeError: The lengths don't add up to N.
    """
    plan = _Plan(tuple(lengths), tuple(poolings))
    given = [vectors, *(tensor for each in attentions for tensor in each)]
    if not _fits_c(plan, given):
        return _pool_in_torch(plan, vectors, attentions)
    if not torch.is_grad_enabled():
        return _forward(plan, given)[0]
    pooled: Tensor = _Pool.apply(plan, *given)  # type: ignore[no-untyped-call]
    return pooled


class _Plan(NamedTuple):
    """What has no gradient: the lengths of sequences, and the names of poolings."""

    lengths: tuple[int, ...]
    poolings: tuple[str, ...]


def _fits_c(plan: _Plan, given: Sequence[Tensor]) -> bool:
    if min(plan.lengths, default=-1) < 0:
        return False
    vectors, rows = given[0], sum(plan.lengths)
    shapes: list[tuple[int, ...]] = [(rows, *vectors.shape[1:])]
    shapes += [shapes[0], *[shapes[0][1:]] * 2] * plan.poolings.count("attention")
    if vectors.ndim != 2 or [each.shape for each in given] != shapes:
        return False
    return is_plain() and are_supported(*given) and _has_library(vectors.dtype)


def _pool_in_torch(plan: _Plan, vectors: Tensor, attentions: Sequence[Attention]) -> Tensor:
    if not plan.lengths:
        return vectors.new_zeros(0, len(plan.poolings) * vectors.shape[1])
    lengths, left = list(plan.lengths), iter(attentions)
    sequences, pooled = torch.split(vectors, lengths), []
    for name in plan.poolings:
        if name == "attention":
            products, bias, query = next(left)
            matches = torch.split((products + bias).tanh() @ query, lengths)
            rows = [match.softmax(0) @ each for match, each in zip(matches, sequences, strict=True)]
        else:
            rows = [
                _pool_one(name, each) if len(each) else each.new_zeros(each.shape[1])
                for each in sequences
            ]
        pooled.append(torch.stack(rows))
    return torch.cat(pooled, dim=1)


def _pool_one(name: str, sequence: Tensor) -> Tensor:
    """Pool `[n, width]`, n > 0, to `[width]`."""
    if name == "last":
        return sequence[-1]
    return sequence.mean(0) if name == "mean" else sequence.amax(0)


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, plan: _Plan, *given: Tensor) -> Tensor:
        pooled, weights = _forward(plan, given)
        ctx.plan = plan
        ctx.save_for_backward(*given, pooled, *weights)
        return pooled

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        count = len(ctx.needs_input_grad) - 1
        given, (pooled, *weights) = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        # As in `recur`: these gradients are differentiable, or those of many losses at once.
        if torch.is_grad_enabled() or is_batched(gradient):
            return None, *_differentiate(ctx, given, gradient)
        return None, *_backward(ctx.plan, given, pooled, weights, gradient)


def _differentiate(ctx: Any, given: Sequence[Tensor], gradient: Tensor) -> list[Tensor | None]:
    """Return the gradients of what's given by differentiating torch's operations."""
    create_graph, wanted = torch.is_grad_enabled(), ctx.needs_input_grad[1:]
    with torch.enable_grad(), torch.autocast("cpu", enabled=False):
        # New nodes of the graph, as one may have been computed from another.
        leaves = [each.view_as(each) for each in given]
        attentions = [Attention(*leaves[i : i + 3]) for i in range(1, len(leaves), 3)]
        found = torch.autograd.grad(
            _pool_in_torch(ctx.plan, leaves[0], attentions),
            [leaf for leaf, each in zip(leaves, wanted, strict=True) if each],
            gradient,
            create_graph=create_graph,
            materialize_grads=True,
        )
    rest = iter(found)
    return [next(rest) if each else None for each in wanted]


def _forward(plan: _Plan, given: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return what's pooled, and for each attention the weights of all vectors, `[N]`."""
    vectors, *rest = given
    pooled = vectors.new_empty(len(plan.lengths), len(plan.poolings) * vectors.shape[1])
    weights = [vectors.new_empty(len(vectors)) for _ in rest[::3]]
    attentions = [[*rest[3 * i : 3 * i + 3], each] for i, each in enumerate(weights)]
    _call(plan, [vectors, pooled], attentions)
    return pooled, weights


def _backward(
    plan: _Plan,
    given: Sequence[Tensor],
    pooled: Tensor,
    weights: Sequence[Tensor],
    gradient: Tensor,
) -> list[Tensor]:
    """Return the gradients of what's given."""
    vectors, *rest = given
    found, attentions = [torch.empty_like(vectors, memory_format=torch.contiguous_format)], []
    for i, each in enumerate(weights):
        d_products = torch.empty_like(vectors, memory_format=torch.contiguous_format)
        sums = vectors.new_zeros(len(plan.lengths), 2, vectors.shape[1])
        attentions.append(
            [*rest[3 * i : 3 * i + 3], each, torch.empty_like(each), d_products, sums]
        )
    _call(plan, [vectors, pooled, gradient, found[0]], attentions)
    for *_, d_products, sums in attentions:
        found += [d_products, *sums.sum(0)]
    return found


def _call(plan: _Plan, tensors: Sequence[Tensor], attentions: Sequence[Sequence[Tensor]]) -> None:
    """Call C with the tensors of a `Pooling` and of each `Attention`; those of a gradient may be left out."""
    # The longest first, so that none is begun when all others are done. These references keep memory alive.
    lengths = torch.tensor(plan.lengths)
    length, place = lengths.sort(descending=True, stable=True)
    start = (lengths.cumsum(0) - lengths)[place]
    tensors = [each.contiguous() for each in tensors]
    attentions = [[each.contiguous() for each in tensors] for tensors in attentions]
    width = tensors[0].shape[1]
    pointers = [each.data_ptr() for each in (start, length, place, *tensors)]
    sizes = len(plan.lengths), width, len(plan.poolings)
    packed = POOLING.pack(*sizes, *pointers, *[0] * (4 - len(tensors)))
    threads = available_threads() if tensors[0].numel() >= _MIN_THREADED_ELEMENTS else 1
    _pool_library(tensors[0].dtype)(
        packed,
        struct.pack(f"@{len(plan.poolings)}q", *(_KINDS[name] for name in plan.poolings)),
        b"".join(_pack_attention(each) for each in attentions),
        threads,
        find_parallel()[0],
    )


def _pack_attention(tensors: Sequence[Tensor]) -> bytes:
    size = len(ATTENTION_FIELDS)
    pointers = [each.data_ptr() for each in tensors]
    return struct.pack(f"@{size}q", *pointers, *[0] * (size - len(pointers)))


@functools.cache
def _has_library(dtype: torch.dtype) -> bool:
    try:
        _pool_library(dtype)
    except BuildError:
        return False
    return True


@functools.cache
def _pool_library(dtype: torch.dtype) -> Any:
    pool = build(render_pooling(dtype)).seqpipe_pool
    pool.argtypes = [*[ctypes.c_char_p] * 3, ctypes.c_int64, ctypes.c_void_p]
    pool.restype = None
    return pool
