"""The products of a walk's gradients, in the forms that the processor's library is quickest with."""

from typing import Final

from torch import Tensor, mm, split

# MKL takes up to half as long again for a product of thousands of rows and a width such as 300 as for the
# same rows in pieces of this size (measured with AVX-512; nowhere is it slower in pieces by more than noise).
_ROWS: Final = 512
# From so many rows on, the gain of the other form outweighs a copy of the result.
_MANY_ROWS: Final = 1024


def times_weight(rows: Tensor, weight: Tensor) -> Tensor:
    """Return `rows @ weight`: `[N, k]` times `[k, n]`."""
    if rows.is_cuda or len(rows) <= 2 * _ROWS:
        return mm(rows, weight)
    result = rows.new_empty(len(rows), weight.shape[1])
    for piece, out in zip(split(rows, _ROWS), split(result, _ROWS), strict=True):
        mm(piece, weight, out=out)
    return result


def sum_of_products(left: Tensor, right: Tensor) -> Tensor:
    """Return the sum of each row's outer product, `left.t() @ right`: `[N, m]`, `[N, n]` to `[m, n]`."""
    if left.is_cuda or len(left) < _MANY_ROWS:
        return mm(left.t(), right)
    # The transposed result is quicker by up to a fifth; copied, so that it lies as the weight does.
    return mm(right.t(), left).t().contiguous()
