"""The engine for CPUs: C, generated and compiled for each cell, with its matrix products and scratch memory."""

import ctypes
import functools
import math
import platform
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seqpipe.compilers import BuildError
from seqpipe.kernels._engine import (
    Engine,
    ForwardResult,
    Gradients,
    Job,
    Products,
    Saved,
    mask_by_row,
)
from seqpipe.kernels._transforms import find_transform, is_dispatched
from seqpipe.kernels.c._library import (
    C_TYPES,
    JOB,
    POINTERS,
    PRODUCT,
    available_threads,
    find_parallel,
    has_own_threads,
    openmp,
    render_c,
    render_products,
)
from seqpipe.kernels.ir._recurrence import Recurrence
from seqpipe.native import build

# Matrix products in C.

# With fewer rows, a packed panel is reused too seldom to pay for the packing; with fewer multiplications, starting
# threads takes longer than the product. See docs/decisions/0020.
_MIN_ROWS: Final = 1024
_MIN_MULTIPLICATIONS: Final = 30_000_000
# With more threads, the serial part takes too large a share.
_MAX_THREADS: Final = 8
_ARCHITECTURES: Final = ("x86_64", "AMD64")
# Kinds of product, as products.c numbers them.
_PLAIN, _TRANSPOSED, _SUM = range(3)


class CompiledProducts(Products):
    """Products in C where that's faster, for many rows on few threads; otherwise torch's."""

    def prepare(self, dtype: torch.dtype) -> None:
        """Compile the products for a dtype.

        Raises:
            BuildError: It can't be compiled.
        """
        if platform.machine() in _ARCHITECTURES:
            _product_library(dtype)

    def matmul_transposed(self, rows: Tensor, weight: Tensor) -> Tensor:
        """See `Products.matmul_transposed`."""
        fits = rows.ndim == weight.ndim == 2 and rows.shape[1] == weight.shape[1]
        found = _product(_TRANSPOSED, rows, weight, len(weight)) if fits else None
        return super().matmul_transposed(rows, weight) if found is None else found

    def matmul(self, rows: Tensor, weight: Tensor) -> Tensor:
        """See `Products.matmul`."""
        fits = rows.ndim == weight.ndim == 2 and rows.shape[1] == len(weight)
        found = _product(_PLAIN, rows, weight, weight.shape[1]) if fits else None
        return super().matmul(rows, weight) if found is None else found

    def sum_of_outer_products(self, left: Tensor, right: Tensor) -> Tensor:
        """See `Products.sum_of_outer_products`."""
        fits = left.ndim == right.ndim == 2 and len(left) == len(right)
        found = _product(_SUM, left, right, right.shape[1]) if fits else None
        return super().sum_of_outer_products(left, right) if found is None else found


def _product(kind: int, left: Tensor, right: Tensor, columns: int) -> Tensor | None:
    """Return a product; None if torch is to compute it. The sizes must fit."""
    rows, depth = left.shape
    if not (_is_worthwhile(rows, depth, columns) and are_supported(left, right)):
        return None
    left, right = left.contiguous(), right.contiguous()
    out = left.new_empty(depth if kind == _SUM else rows, columns)
    pointers = left.data_ptr(), right.data_ptr(), out.data_ptr()
    given = PRODUCT.pack(rows, depth, columns, kind, *pointers)
    failed = _product_library(left.dtype)(given, available_threads(), find_parallel()[0])
    # Out of memory: it needs more than torch does.
    return None if failed else out


def _is_worthwhile(rows: int, depth: int, columns: int) -> bool:
    if rows < _MIN_ROWS or rows * depth * columns < _MIN_MULTIPLICATIONS:
        return False
    return _has_fitting_threads() and platform.machine() in _ARCHITECTURES


def _has_fitting_threads() -> bool:
    """Say whether our products are the faster ones with so many threads."""
    # With a number of its own, the same is done for any number; and torch then computes with one.
    if has_own_threads():
        return True
    threads = available_threads()
    return threads == 1 or (threads <= _MAX_THREADS and openmp()[0] is not None)


def are_supported(*tensors: Tensor) -> bool:
    """Say whether C can read tensors: on the CPU, and all of one dtype that there are kernels for."""
    dtype = tensors[0].dtype
    return dtype in C_TYPES and all(
        each.is_cpu and each.dtype == dtype and not is_dispatched(each) for each in tensors
    )


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `rows @ weight.t() + bias`, differentiable: `[N, k]`, `[n, k]` and `[n]` to `[N, n]`.

    With `own_threads` it's computed in C where that's worthwhile, and otherwise by torch.
    """
    size = len(rows), *weight.shape
    if not (has_own_threads() and rows.ndim == 2 and _is_worthwhile(*size) and is_plain()):
        return functional.linear(rows, weight, bias)
    if not (are_supported(rows, weight) and _has_library(rows.dtype)):
        return functional.linear(rows, weight, bias)
    product: Tensor = _Linear.apply(rows, weight)  # type: ignore[no-untyped-call]
    return product if bias is None else product + bias


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return CompiledProducts().matmul_transposed(rows, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        rows, weight = ctx.saved_tensors
        # A gradient that's to be differentiated itself is torch's.
        products = Products() if torch.is_grad_enabled() else CompiledProducts()
        wanted = ctx.needs_input_grad
        return (
            products.matmul(gradient, weight) if wanted[0] else None,
            products.sum_of_outer_products(gradient, rows) if wanted[1] else None,
        )


def is_plain() -> bool:
    """Say whether nothing transforms torch's operations or computes them in another type."""
    return find_transform() is None and not torch.is_autocast_enabled("cpu")


@functools.cache
def _has_library(dtype: torch.dtype) -> bool:
    try:
        _product_library(dtype)
    except BuildError:
        return False
    return True


@functools.cache
def _product_library(dtype: torch.dtype) -> Any:
    multiply = build(render_products(dtype)).seqpipe_multiply
    multiply.argtypes = [ctypes.c_char_p, ctypes.c_int64, ctypes.c_void_p]
    multiply.restype = ctypes.c_int64
    return multiply


# Scratch memory.

# The most that's kept, for each thread.
_MAX_BYTES: Final = 64 * 2**20


class Scratch(threading.local):
    """Makes tensors whose memory is reused, as the system takes long to provide and zero new memory.

    At the largest shape of the benchmark that's a tenth of a training step. Each thread has its own.
    """

    def __init__(self) -> None:
        self._kept = torch.empty(0, dtype=torch.uint8, device="cpu")

    def take(self, like: Tensor, *shapes: tuple[int, ...]) -> list[Tensor]:
        """Return uninitialised tensors with the dtype of `like`, on the CPU, valid until the next call.

        Beyond 64 MB in all, they're allocated anew, and stay valid.
        """
        sizes = [math.prod(shape) for shape in shapes]
        size = like.element_size() * sum(sizes)
        if size > _MAX_BYTES:
            return [like.new_empty(shape) for shape in shapes]
        if self._kept.numel() < size:
            self._kept = torch.empty(size, dtype=torch.uint8, device="cpu")
        whole = self._kept[:size].view(like.dtype)
        return [
            part.view(shape) for part, shape in zip(torch.split(whole, sizes), shapes, strict=True)
        ]


# The engine.

# How many sequences are run together: enough to reuse a weight often once it's loaded, few enough for their states
# to stay in the cache. Of few sequences there are smaller chunks, so that there's one for each of some threads; of many
# larger ones, as each has sums of its own.
_CHUNK_SIZE: Final = 8
_SMALLEST_CHUNK: Final = 4
_LARGEST_CHUNK: Final = 64
_FEW_CHUNKS: Final = 8
_MANY_CHUNKS: Final = 64
# A time step with fewer multiplications takes less time than a barrier.
_MIN_TEAM_PRODUCTS: Final = 32_000
# The width of the backward pass's widest block, of which a thread takes whole ones.
_MIN_UNITS_PER_THREAD: Final = 64
# With fewer multiplications in all, a pass ends before a sleeping thread wakes, after a tenth of a millisecond or more.
_MIN_THREADED_PRODUCTS: Final = 4_000_000


_SCRATCH: Final = Scratch()


class _Barrier(ctypes.Structure):
    _fields_ = [("integers", ctypes.c_int64 * 8)]


class Compiled(Engine):
    """Runs a recurrence in C, in float32 or float64."""

    name = "compiled"
    products = CompiledProducts()
    shares_rows = True

    def prepare(self, recurrence: Recurrence, dtype: torch.dtype) -> None:
        """Compile a recurrence ahead of its first pass, to find out whether that works.

        Raises:
            BuildError: It can't be compiled, or there's no kernel for the dtype.
        """
        if dtype not in C_TYPES:
            raise BuildError(f"it's for float32 and float64, not {dtype}")
        _library(recurrence, dtype)
        self.products.prepare(dtype)

    def forward(self, job: Job, gates: Tensor, *, save: bool = True) -> ForwardResult:
        """See `Engine.forward`."""
        library = _library(job.recurrence, gates.dtype)
        outputs = gates.new_empty(job.layout.rows, job.width)
        last = job.initial.clone(memory_format=torch.contiguous_format)
        tensors = {"gates": gates, "outputs": outputs, "last": last}
        saved = _allocate_saved(job, gates) if save else None
        if saved is not None:
            tensors |= {"separate": saved.separate, "states": saved.states}
        if job.mask is not None:
            first = job.initial[0] * job.mask
            tensors["operands"] = torch.stack([first, torch.empty_like(first)])
        _call(library.seqpipe_forward, job, _partition(job), tensors)
        return ForwardResult(outputs, last, saved)

    def backward(self, job: Job, saved: Saved, outputs: Tensor, final: Tensor) -> Gradients:
        """See `Engine.backward`; the gradients of products are valid until the next call."""
        library = _library(job.recurrence, saved.gates.dtype)
        sizes, partition = job.recurrence.sizes, _partition(job)
        shapes = [saved.gates.shape]
        if not job.recurrence.shares_gradients:
            shapes.append(torch.Size([len(saved.gates), len(job.weight)]))
        gates, *others = _SCRATCH.take(saved.gates, *shapes)
        recurrent = others[0] if others else gates
        summed = sizes.parameters, sizes.gates, len(sizes.recurrent)
        sums = gates.new_zeros(partition.chunks, sum(summed), job.width)
        initial = final.clone(memory_format=torch.contiguous_format)
        tensors = {
            **saved._asdict(),
            **{"d_outputs": outputs, "d_gates": gates, "d_recurrent": recurrent},
            **{"d_sums": sums, "d_initial": initial},
        }
        _call(library.seqpipe_backward, job, partition, tensors)
        parameters, input_bias, bias = torch.split(sums.sum(0), list(summed))
        return Gradients(
            gates, recurrent, parameters, initial, input_bias.flatten(), bias.flatten()
        )

    def hidden_before(self, job: Job, saved: Saved) -> Tensor:
        """See `Engine.hidden_before`."""
        before = saved.states[0]
        return before if job.mask is None else before * mask_by_row(job)


def _allocate_saved(job: Job, gates: Tensor) -> Saved:
    """Return memory for what the backward pass needs: the states are those before each step."""
    separate = gates.new_empty(len(gates), len(job.recurrence.separate) * job.width)
    states = gates.new_empty(job.recurrence.sizes.states, len(gates), job.width)
    return Saved(gates, separate, states)


def _library(recurrence: Recurrence, dtype: torch.dtype) -> ctypes.CDLL:
    """Return the library of a recurrence.

    Raises:
        BuildError: It can't be compiled.
    """
    library: ctypes.CDLL | BuildError | None = recurrence.cache.get(dtype)
    if isinstance(library, BuildError):
        raise library
    if library is None:
        try:
            library = build(render_c(recurrence, dtype))
        except BuildError as error:
            recurrence.cache[dtype] = error
            raise
        recurrence.cache[dtype] = library
        for function in (library.seqpipe_forward, library.seqpipe_backward):
            run_parallel, count_threads = (ctypes.c_void_p,) * 2
            function.argtypes = [ctypes.c_char_p, ctypes.c_int64, run_parallel, count_threads]
            function.restype = ctypes.c_int64
    return library


class _Partition(NamedTuple):
    """How a pass is divided among threads: `members` of them work on each of some chunks of sequences.

    Sums over time steps are those of chunks, added up in their order. So the chunks are the same for any number of threads.
    """

    threads: int
    chunks: int
    members: int


def _partition(job: Job) -> _Partition:
    count, products = job.layout.table.shape[1], job.weight.numel()
    chunks = _count_chunks(count)
    is_worthwhile = job.layout.rows * products >= _MIN_THREADED_PRODUCTS
    threads = available_threads() if is_worthwhile else 1
    # A team waits for each of its threads at each step; those of our own pool may not come.
    if chunks < threads and products >= _MIN_TEAM_PRODUCTS and not has_own_threads():
        members = min(threads // chunks, -(-job.width // _MIN_UNITS_PER_THREAD))
        return _Partition(chunks * members, chunks, members)
    return _Partition(min(threads, chunks), chunks, 1)


def _count_chunks(sequences: int) -> int:
    least, usual, most = (
        -(-sequences // size) for size in (_LARGEST_CHUNK, _CHUNK_SIZE, _SMALLEST_CHUNK)
    )
    if usual < _FEW_CHUNKS:
        return min(most, _FEW_CHUNKS)
    return min(usual, max(least, _MANY_CHUNKS))


def _check_memory(given: dict[str, Tensor], dtype: torch.dtype) -> None:
    """Check that C may read tensors: otherwise Python would crash.

    Raises:
        TypeError: One has no memory here, or another dtype.
    """
    for name, tensor in given.items():
        if tensor.dtype != dtype or not tensor.is_cpu or is_dispatched(tensor):
            raise TypeError(
                f"the engine 'compiled' needs tensors of {dtype} on the CPU, and {name!r} is a "
                f"{type(tensor).__name__} of {tensor.dtype} on {tensor.device}; use engine='plain'"
            )


def _check_gate_rows(rows: Tensor, count: int) -> Tensor:
    """Check that C may read what says where a step's gates are; the numbers themselves are the caller's to check."""
    if not rows.is_cpu or rows.dtype != torch.int64 or rows.shape != (count,):
        raise TypeError(
            f"the engine 'compiled' needs {count} rows of gates as int64 on the CPU, and was given {tuple(rows.shape)} "
            f"of {rows.dtype} on {rows.device}"
        )
    return rows.contiguous()


def _call(
    function: Callable[..., int], job: Job, partition: _Partition, tensors: dict[str, Tensor]
) -> None:
    layout, table = job.layout, job.layout.table
    sequences, start = table.shape[1], table.data_ptr()
    named = {
        **{"input_bias": job.input_bias, "weight": job.weight, "bias": job.bias},
        **{"parameters": job.parameters, "mask": job.mask},
        **{"noises": job.noises, "initial": job.initial},
        **tensors,
    }
    # These references keep the memory alive until the call ends.
    given = {name: tensor.contiguous() for name, tensor in named.items() if tensor is not None}
    _check_memory(given, tensors["gates"].dtype)
    barriers = (_Barrier * partition.chunks)() if partition.members > 1 else None
    pointers = dict.fromkeys(POINTERS, 0)
    pointers |= {name: tensor.data_ptr() for name, tensor in given.items()}
    if job.gate_rows is not None:
        gate_rows = _check_gate_rows(job.gate_rows, layout.rows)
        pointers["gate_rows"] = gate_rows.data_ptr()
    pointers |= {"start": start, "length": start + 8 * sequences, "place": start + 16 * sequences}
    pointers["barriers"] = ctypes.addressof(barriers) if barriers else 0
    integers = (
        sequences,
        layout.rows,
        job.width,
        partition.chunks,
        partition.members,
        layout.reverse,
    )
    packed = JOB.pack(*integers, *pointers.values(), job.clip or 0.0)
    if function(packed, partition.threads, *find_parallel()):
        raise MemoryError("no memory for a recurrence's weights and states")
