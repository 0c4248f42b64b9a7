"""The large products of a walk: of its inputs, and of what its gradients are made of."""

import ctypes
import functools
import platform
from typing import Any, Final

import torch
from torch import Tensor, mm

from seqpipe.kernels._build import build
from seqpipe.kernels._job import PRODUCT
from seqpipe.kernels._render import REALS, render_products
from seqpipe.kernels._threads import openmp, threads_there
from seqpipe.kernels._transforms import is_dispatched

# For fewer rows a panel is used too seldom to be worth laying; a product of fewer multiplications is over before
# threads have met. See docs/decisions/0020.
_ROWS: Final = 1024
_MULTIPLICATIONS: Final = 30_000_000
# With more threads, what one of them does by itself would keep the others waiting.
_THREADS: Final = 8
_PROCESSORS: Final = ("x86_64", "AMD64")
# Forms of a product, as products.c numbers them.
_PLAIN, _TURNED, _SUM = range(3)


class Products:
    """Products by torch."""

    def times_turned(self, rows: Tensor, weight: Tensor) -> Tensor:
        """Return `rows @ weight.t()`: `[N, k]` times `[n, k]` turned."""
        return mm(rows, weight.t())

    def times(self, rows: Tensor, weight: Tensor) -> Tensor:
        """Return `rows @ weight`: `[N, k]` times `[k, n]`."""
        return mm(rows, weight)

    def sum_of_products(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the sum of each row's outer product, `left.t() @ right`: `[N, m]`, `[N, n]` to `[m, n]`."""
        return mm(left.t(), right)


class CompiledProducts(Products):
    """Products in C where that's quicker, which it is for many rows on few threads; else by torch."""

    def prepare(self, dtype: torch.dtype) -> None:
        """Compile what multiplies numbers of a type.

        Raises:
            BuildError: It can't be compiled.
        """
        if platform.machine() in _PROCESSORS:
            _library(dtype)

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
    failed = _library(left.dtype)(given, threads_there(), openmp()[0])
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
def _library(dtype: torch.dtype) -> Any:
    multiply = build(render_products(dtype)).seqpipe_multiply
    multiply.argtypes = [ctypes.c_char_p, ctypes.c_int64, ctypes.c_void_p]
    multiply.restype = ctypes.c_int64
    return multiply
