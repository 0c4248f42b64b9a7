"""Products in pieces, and the other way round, are the same products."""

import pytest
import torch

from seqpipe.kernels import _products
from seqpipe.kernels._products import sum_of_products, times_weight


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr(_products, "_ROWS", 4)
    monkeypatch.setattr(_products, "_MANY_ROWS", 8)


def numbers(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("rows", [0, 1, 4, 7, 8, 9, 17, 20])
def test_pieces_make_the_whole(rows):
    left, weight = numbers(rows, 6), numbers(6, 5)
    torch.testing.assert_close(times_weight(left, weight), left @ weight)
    # Neither need lie in one piece.
    torch.testing.assert_close(times_weight(left[:, ::2], weight[::2]), left[:, ::2] @ weight[::2])


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 20])
def test_sum_of_products_lies_as_a_weight_does(rows):
    left, right = numbers(rows, 6), numbers(rows, 5)
    found = sum_of_products(left, right)
    torch.testing.assert_close(found, left.t() @ right)
    assert found.is_contiguous()
