"""The large products of a walk: of its inputs, and of what its gradients are made of.

In C where there's a compiler, which beats the library that torch calls by a tenth (docs/benchmarks/recurrent.md).
"""

import ctypes
import functools
import struct
from typing import Any, Final

import torch
from torch import Tensor, mm

from seqpipe.kernels._build import BuildError, build
from seqpipe.kernels._render import REALS, render_products
from seqpipe.kernels._threads import openmp, threads_there

# For fewer rows a panel is used too seldom to be worth laying; a product of fewer multiplications is over before
# threads have met.
_ROWS: Final = 1024
_MULTIPLICATIONS: Final = 30_000_000
# Forms of a product, as products.c calls them.
_PLAIN, _TURNED, _SUM = range(3)
_PRODUCT: Final = struct.Struct("@7q")


def times_turned(rows: Tensor, weight: Tensor) -> Tensor:
    """Return `rows @ weight.t()`: `[N, k]` times `[n, k]` turned."""
    multiply = _function(rows, weight, len(weight))
    if multiply is None:
        return mm(rows, weight.t())
    return _product(multiply, _TURNED, rows, weight, (len(rows), rows.shape[1], len(weight)))


def times(rows: Tensor, weight: Tensor) -> Tensor:
    """Return `rows @ weight`: `[N, k]` times `[k, n]`."""
    multiply = _function(rows, weight, weight.shape[1])
    if multiply is None:
        return mm(rows, weight)
    return _product(multiply, _PLAIN, rows, weight, (len(rows), *weight.shape))


def sum_of_products(left: Tensor, right: Tensor) -> Tensor:
    """Return the sum of each row's outer product, `left.t() @ right`: `[N, m]`, `[N, n]` to `[m, n]`."""
    multiply = _function(left, right, right.shape[1])
    if multiply is None:
        return mm(left.t(), right)
    return _product(multiply, _SUM, left, right, (*left.shape, right.shape[1]))


def _function(left: Tensor, right: Tensor, columns: int) -> Any:
    """Return what multiplies in C; None if that can't, or isn't worth it."""
    if left.is_cuda or left.dtype != right.dtype or left.dtype not in REALS:
        return None
    worth_it = len(left) >= _ROWS and left.numel() * columns >= _MULTIPLICATIONS
    return _library(left.dtype) if worth_it else None


@functools.cache
def _library(dtype: torch.dtype) -> Any:
    try:
        multiply = build(render_products(dtype)).seqpipe_multiply
    except BuildError:
        # What's slower for it is said where a recurrence can't be compiled.
        return None
    multiply.argtypes = [ctypes.c_char_p, ctypes.c_int64, ctypes.c_void_p]
    multiply.restype = ctypes.c_int64
    return multiply


def _product(
    multiply: Any, form: int, left: Tensor, right: Tensor, sizes: tuple[int, int, int]
) -> Tensor:
    left, right = left.contiguous(), right.contiguous()
    rows, depth, columns = sizes
    out = left.new_empty(depth if form == _SUM else rows, columns)
    given = _PRODUCT.pack(*sizes, form, left.data_ptr(), right.data_ptr(), out.data_ptr())
    together, _ = openmp()
    if multiply(given, threads_there() if together else 1, together):
        raise MemoryError("no memory for a product")
    return out
