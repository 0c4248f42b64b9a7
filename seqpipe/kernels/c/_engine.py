"""Memory for what doesn't outlive a call, kept for the next one."""

import ctypes
import functools
import math
import platform
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from seqpipe.kernels._engine import Engine, Gradients, Pass, Products, Saved, Walked, mask_by_row
from seqpipe.kernels._transforms import is_dispatched
from seqpipe.kernels.c._build import BuildError, build, openmp, threads_there
from seqpipe.kernels.c._render import JOB, POINTERS, PRODUCT, REALS, render_c, render_products
from seqpipe.kernels.ir._recurrence import Recurrence

# The large products of a walk: of its inputs, and of what its gradients are made of.


# For fewer rows a panel is used too seldom to be worth laying; a product of fewer multiplications is over before
# threads have met. See docs/decisions/0020.
_ROWS: Final = 1024
_MULTIPLICATIONS: Final = 30_000_000
# With more threads, what one of them does by itself would keep the others waiting.
_THREADS: Final = 8
_PROCESSORS: Final = ("x86_64", "AMD64")
# Forms of a product, as products.c numbers them.
_PLAIN, _TURNED, _SUM = range(3)


class CompiledProducts(Products):
    """Products in C where that's quicker, which it is for many rows on few threads; else by torch."""

    def prepare(self, dtype: torch.dtype) -> None:
        """Compile what multiplies numbers of a type.

        Raises:
            BuildError: It can't be compiled.
        """
        if platform.machine() in _PROCESSORS:
            _product_library(dtype)

    def times_turned(self, rows: Tensor, weight: Tensor) -> Tensor:
        """See `Products.times_turned`."""
        fits = rows.ndim == weight.ndim == 2 and rows.shape[1] == weight.shape[1]
        found = _product(_TURNED, rows, weight, len(weight)) if fits else None
        return super().times_turned(rows, weight) if found is None else found

    def times(self, rows: Tensor, weight: Tensor) -> Tensor:
        """See `Products.times`."""
        fits = rows.ndim == weight.ndim == 2 and rows.shape[1] == len(weight)
        found = _product(_PLAIN, rows, weight, weight.shape[1]) if fits else None
        return super().times(rows, weight) if found is None else found

    def sum_of_products(self, left: Tensor, right: Tensor) -> Tensor:
        """See `Products.sum_of_products`."""
        fits = left.ndim == right.ndim == 2 and len(left) == len(right)
        found = _product(_SUM, left, right, right.shape[1]) if fits else None
        return super().sum_of_products(left, right) if found is None else found


def _product(form: int, left: Tensor, right: Tensor, columns: int) -> Tensor | None:
    """Return a product; None if torch is to make it. The sizes fit."""
    rows, depth = left.shape
    if not (_worth_it(rows, depth, columns) and _are_for_c(left, right)):
        return None
    left, right = left.contiguous(), right.contiguous()
    out = left.new_empty(depth if form == _SUM else rows, columns)
    pointers = left.data_ptr(), right.data_ptr(), out.data_ptr()
    given = PRODUCT.pack(rows, depth, columns, form, *pointers)
    failed = _product_library(left.dtype)(given, threads_there(), openmp()[0])
    # It takes more memory than torch does.
    return None if failed else out


def _worth_it(rows: int, depth: int, columns: int) -> bool:
    if rows < _ROWS or rows * depth * columns < _MULTIPLICATIONS:
        return False
    threads = threads_there()
    can = threads == 1 or (threads <= _THREADS and openmp()[0] is not None)
    return can and platform.machine() in _PROCESSORS


def _are_for_c(left: Tensor, right: Tensor) -> bool:
    if is_dispatched(left) or is_dispatched(right):
        return False
    return left.is_cpu and right.is_cpu and left.dtype == right.dtype and left.dtype in REALS


@functools.cache
def _product_library(dtype: torch.dtype) -> Any:
    multiply = build(render_products(dtype)).seqpipe_multiply
    multiply.argtypes = [ctypes.c_char_p, ctypes.c_int64, ctypes.c_void_p]
    multiply.restype = ctypes.c_int64
    return multiply


# What's kept at most, for each thread.
_BYTES: Final = 64 * 2**20


class Scratch(threading.local):
    """Makes tensors whose memory is used again: a system takes long to give and to clear new memory.

    At the largest shape of the benchmark that's a tenth of a training step. Each thread has its own.
    """

    def __init__(self) -> None:
        self._kept = torch.empty(0, dtype=torch.uint8, device="cpu")

    def take(self, like: Tensor, *shapes: tuple[int, ...]) -> list[Tensor]:
        """Return tensors of the dtype of `like`, on the CPU, not set, good until the next call.

        What's more than 64 MB in all isn't kept, and is good for ever.
        """
        sizes = [math.prod(shape) for shape in shapes]
        size = like.element_size() * sum(sizes)
        if size > _BYTES:
            return [like.new_empty(shape) for shape in shapes]
        if self._kept.numel() < size:
            self._kept = torch.empty(size, dtype=torch.uint8, device="cpu")
        whole = self._kept[:size].view(like.dtype)
        return [
            part.view(shape) for part, shape in zip(torch.split(whole, sizes), shapes, strict=True)
        ]


# The engine for processors: C, generated and compiled for each cell.


# So many sequences are walked through together: enough to use a weight often once it's at hand, few
# enough for their states to stay near.
_CHUNK: Final = 64
# A step of fewer products is over before threads have met.
_WORTH_A_TEAM: Final = 32_000
# So many units at least are for a thread: the way back's widest block, of which a thread takes whole ones.
_UNITS: Final = 64
# A walk of fewer products is over before a thread that sleeps has woken; a tenth of a millisecond and more.
_WORTH_A_THREAD: Final = 4_000_000


_SCRATCH: Final = Scratch()


class _Meeting(ctypes.Structure):
    _fields_ = [("numbers", ctypes.c_int64 * 8)]


class Compiled(Engine):
    """Runs a recurrence in C, in float32 or float64."""

    name = "compiled"
    products = CompiledProducts()

    def prepare(self, recurrence: Recurrence, dtype: torch.dtype) -> None:
        """Compile a recurrence now, so that it's known whether that works.

        Raises:
            BuildError: It can't be compiled, or there's no kernel for the dtype.
        """
        if dtype not in REALS:
            raise BuildError(f"it's for float32 and float64, not {dtype}")
        _library(recurrence, dtype)
        self.products.prepare(dtype)

    def forward(self, walk: Pass, gates: Tensor, *, save: bool = True) -> Walked:
        """See `Engine.forward`."""
        library = _library(walk.recurrence, gates.dtype)
        outputs = gates.new_empty(len(gates), walk.width)
        last = walk.initial.clone(memory_format=torch.contiguous_format)
        tensors = {"gates": gates, "outputs": outputs, "last": last}
        saved = _room(walk, gates) if save else None
        if saved is not None:
            tensors |= {"separate": saved.separate, "states": saved.states}
        if walk.mask is not None:
            first = walk.initial[0] * walk.mask
            tensors["operands"] = torch.stack([first, torch.empty_like(first)])
        _call(library.seqpipe_forward, walk, _share(walk), tensors)
        return Walked(outputs, last, saved)

    def backward(self, walk: Pass, saved: Saved, outputs: Tensor, final: Tensor) -> Gradients:
        """See `Engine.backward`; the gradients of products are good until the next call."""
        library = _library(walk.recurrence, saved.gates.dtype)
        sizes, share = walk.recurrence.sizes, _share(walk)
        shapes = [saved.gates.shape]
        if not walk.recurrence.shares_gradients:
            shapes.append(torch.Size([len(saved.gates), len(walk.weight)]))
        gates, *others = _SCRATCH.take(saved.gates, *shapes)
        recurrent = others[0] if others else gates
        summed = sizes.parameters, sizes.gates, len(sizes.recurrent)
        sums = gates.new_zeros(share.chunks, sum(summed), walk.width)
        initial = final.clone(memory_format=torch.contiguous_format)
        tensors = {
            **saved._asdict(),
            **{"d_outputs": outputs, "d_gates": gates, "d_recurrent": recurrent},
            **{"d_sums": sums, "d_initial": initial},
        }
        _call(library.seqpipe_backward, walk, share, tensors)
        parameters, input_bias, bias = torch.split(sums.sum(0), list(summed))
        return Gradients(
            gates, recurrent, parameters, initial, input_bias.flatten(), bias.flatten()
        )

    def hidden_before(self, walk: Pass, saved: Saved) -> Tensor:
        """See `Engine.hidden_before`."""
        before = saved.states[0]
        return before if walk.mask is None else before * mask_by_row(walk)


def _room(walk: Pass, gates: Tensor) -> Saved:
    """Return where a walk saves what the way back needs: the states are those before each step."""
    separate = gates.new_empty(len(gates), len(walk.recurrence.separate) * walk.width)
    states = gates.new_empty(walk.recurrence.sizes.states, len(gates), walk.width)
    return Saved(gates, separate, states)


def _library(recurrence: Recurrence, dtype: torch.dtype) -> ctypes.CDLL:
    """Return the library of a recurrence.

    Raises:
        BuildError: It can't be compiled.
    """
    library: ctypes.CDLL | BuildError | None = recurrence.made.get(dtype)
    if isinstance(library, BuildError):
        raise library
    if library is None:
        try:
            library = build(render_c(recurrence, dtype))
        except BuildError as error:
            recurrence.made[dtype] = error
            raise
        recurrence.made[dtype] = library
        for function in (library.seqpipe_forward, library.seqpipe_backward):
            together, how_many = (ctypes.c_void_p,) * 2
            function.argtypes = [ctypes.c_char_p, ctypes.c_int64, together, how_many]
            function.restype = ctypes.c_int64
    return library


class _Share(NamedTuple):
    """How a walk is shared out: `members` threads to each of some chunks of sequences."""

    threads: int
    chunks: int
    members: int


def _share(walk: Pass) -> _Share:
    count, products = walk.layout.table.shape[1], walk.weight.numel()
    worth = walk.layout.rows * products >= _WORTH_A_THREAD
    threads = threads_there() if worth else 1
    if count < threads and products >= _WORTH_A_TEAM:
        members = min(threads // count, -(-walk.width // _UNITS))
        return _Share(count * members, count, members)
    threads = min(threads, count)
    rounds = -(-count // (threads * _CHUNK))
    return _Share(threads, min(count, threads * rounds), 1)


def _check_memory(given: dict[str, Tensor], dtype: torch.dtype) -> None:
    """Check that C may read tensors: it would end Python where it mustn't.

    Raises:
        TypeError: One has no memory here, or other numbers.
    """
    for name, tensor in given.items():
        if tensor.dtype != dtype or not tensor.is_cpu or is_dispatched(tensor):
            raise TypeError(
                f"the engine 'compiled' needs tensors of {dtype} on the CPU, and {name!r} is a "
                f"{type(tensor).__name__} of {tensor.dtype} on {tensor.device}; use engine='plain'"
            )


def _call(
    function: Callable[..., int], walk: Pass, share: _Share, tensors: dict[str, Tensor]
) -> None:
    table = walk.layout.table
    sequences, start = table.shape[1], table.data_ptr()
    named = {
        **{"input_bias": walk.input_bias, "weight": walk.weight, "bias": walk.bias},
        **{"parameters": walk.parameters, "mask": walk.mask},
        **{"noises": walk.noises, "initial": walk.initial},
        **tensors,
    }
    # These names keep alive what's pointed to until the call ends.
    given = {name: tensor.contiguous() for name, tensor in named.items() if tensor is not None}
    _check_memory(given, tensors["gates"].dtype)
    meetings = (_Meeting * share.chunks)() if share.members > 1 else None
    pointers = dict.fromkeys(POINTERS, 0)
    pointers |= {name: tensor.data_ptr() for name, tensor in given.items()}
    pointers |= {"start": start, "length": start + 8 * sequences, "place": start + 16 * sequences}
    pointers["meetings"] = ctypes.addressof(meetings) if meetings else 0
    layout = walk.layout
    numbers = sequences, layout.rows, walk.width, share.chunks, share.members, layout.reverse
    job = JOB.pack(*numbers, *pointers.values(), walk.clip or 0.0)
    if function(job, share.threads, *openmp()):
        raise MemoryError("no memory for a recurrence's weights and states")
