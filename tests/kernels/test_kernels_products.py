"""The large products of a recurrence, compared with torch's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from seqpipe.kernels import Compiled, Eager, linear
from seqpipe.kernels.c import _engine
from seqpipe.kernels.c._engine import CompiledProducts, Products
from seqpipe.native import own_threads

# Beyond a tile, a piece of rows, a piece of a panel and a transposed piece, and odd.
SIZES = st.sampled_from([1, 2, 5, 6, 7, 16, 31, 32, 63, 64, 65, 97, 130, 769])
PRODUCTS = CompiledProducts()
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-13}


@pytest.fixture
def every_size(monkeypatch):
    """Let small products run in C, too."""
    monkeypatch.setattr(_engine, "_MIN_ROWS", 0)
    monkeypatch.setattr(_engine, "_MIN_MULTIPLICATIONS", 0)


def numbers(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def assert_equal(found, left, right):
    exact = left.double() @ right.double()
    close = TOLERANCE[found.dtype] * (left.double().abs() @ right.double().abs()).max()
    assert found.is_contiguous() and found.shape == exact.shape
    assert bool((found - exact).abs().max() <= close)


def assert_products(rows, depth, columns, dtype):
    inputs, weight = numbers(rows, depth, dtype=dtype), numbers(columns, depth, dtype=dtype, seed=1)
    gradients = numbers(rows, columns, dtype=dtype, seed=2)
    assert_equal(PRODUCTS.matmul_transposed(inputs, weight), inputs, weight.t())
    assert_equal(PRODUCTS.matmul(gradients, weight), gradients, weight)
    assert_equal(PRODUCTS.sum_of_outer_products(gradients, inputs), gradients.t(), inputs)


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@given(rows=SIZES, depth=SIZES, columns=SIZES)
def test_products_of_any_size_equal_exact_ones(rows, depth, columns, dtype):
    assert_products(rows, depth, columns, dtype)


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize(
    ("rows", "depth", "columns"), [(5000, 3, 2), (3, 1600, 20), (20, 7, 1600), (2, 100_001, 3)]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_long_and_wide_products_equal_exact_ones(rows, depth, columns, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert_products(rows, depth, columns, torch.float64)
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize(("rows", "depth", "columns"), [(5000, 33, 20), (700, 7, 130), (30, 5, 9)])
def test_any_number_of_threads_gives_the_same_bits(rows, depth, columns, dtype):
    inputs, weight = numbers(rows, depth, dtype=dtype), numbers(columns, depth, dtype=dtype, seed=1)
    gradients, found = numbers(rows, columns, dtype=dtype, seed=2), []
    for threads in (1, 2, 3, 9):
        with own_threads(threads):
            found.append(
                (
                    PRODUCTS.matmul_transposed(inputs, weight),
                    PRODUCTS.matmul(gradients, weight),
                    PRODUCTS.sum_of_outer_products(gradients, inputs),
                )
            )
    pairs = [pair for other in found[1:] for pair in zip(found[0], other, strict=True)]
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("there", [(None, None), _engine.openmp()])
def test_with_threads_of_their_own_kernels_leave_no_large_product_to_torch(monkeypatch, there):
    called = []
    monkeypatch.setattr(_engine, "openmp", lambda: there)
    monkeypatch.setattr(
        _engine, "_product_library", lambda dtype: lambda *given: called.append(given) or 1
    )
    for threads in (1, 2, 9):
        with own_threads(threads):
            PRODUCTS.matmul(numbers(30, 20), numbers(20, 10))
    assert [threads for _, threads, _ in called] == [1, 2, 9]


@pytest.mark.usefixtures("every_size")
def test_a_rows_product_does_not_depend_on_its_neighbours():
    inputs, weight = numbers(200, 70, dtype=torch.float32), numbers(90, 70, dtype=torch.float32)
    whole = PRODUCTS.matmul_transposed(inputs, weight)
    for part in (slice(0, 1), slice(3, 120), slice(199, 200)):
        assert torch.equal(PRODUCTS.matmul_transposed(inputs[part], weight), whole[part])


@pytest.mark.usefixtures("every_size")
def test_matrices_need_not_lie_in_one_piece():
    inputs, weight = numbers(40, 20)[:, ::2], numbers(30, 12).t()[::2, :][:, ::3]
    assert inputs.shape[1] == weight.shape[1] == 10
    assert_equal(PRODUCTS.matmul_transposed(inputs, weight), inputs, weight.t())
    assert_equal(
        PRODUCTS.sum_of_outer_products(inputs, numbers(80, 6)[::2]), inputs.t(), numbers(80, 6)[::2]
    )


@pytest.mark.usefixtures("every_size")
def test_what_is_not_finite_stays_where_it_belongs():
    inputs = numbers(20, 10)
    inputs[7, 3] = float("nan")
    inputs[9, 3] = float("inf")
    found = PRODUCTS.matmul_transposed(inputs, numbers(5, 10, seed=1))
    assert bool(found[7].isnan().all()) and bool(found[9].isinf().all())
    assert bool(found[:7].isfinite().all()) and bool(found[10:].isfinite().all())


@pytest.mark.parametrize("rows", [0, 1, 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_small_products_and_other_types_are_torchs_own(rows, dtype):
    inputs, weight = numbers(rows, 6).to(dtype), numbers(5, 6, seed=1).to(dtype)
    gradients = numbers(rows, 5, seed=2).to(dtype)
    assert torch.equal(PRODUCTS.matmul_transposed(inputs, weight), inputs @ weight.t())
    assert torch.equal(PRODUCTS.matmul(gradients, weight), gradients @ weight)
    assert torch.equal(PRODUCTS.sum_of_outer_products(gradients, inputs), gradients.t() @ inputs)


@pytest.fixture
def not_in_c(monkeypatch):
    """Let what goes to C fail the test."""

    def fail(dtype):
        raise AssertionError("that's for torch")

    monkeypatch.setattr(_engine, "_product_library", fail)


@pytest.mark.usefixtures("every_size", "not_in_c")
def test_sizes_that_do_not_fit_are_reported_by_torch():
    wide, narrow = numbers(20, 8), numbers(20, 7)
    for multiply in (PRODUCTS.matmul_transposed, PRODUCTS.matmul):
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            multiply(wide, narrow)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        PRODUCTS.sum_of_outer_products(wide, narrow[:19])


@pytest.mark.usefixtures("every_size", "not_in_c")
def test_other_memory_than_a_processors_is_for_torch():
    away = torch.empty(20, 8, device="meta")
    assert PRODUCTS.matmul_transposed(away, away).is_meta
    assert PRODUCTS.sum_of_outer_products(away, away).shape == (8, 8)
    assert not _engine.are_supported(numbers(20, 8, dtype=torch.float32), away)


@pytest.mark.usefixtures("every_size", "not_in_c")
@pytest.mark.parametrize(("threads", "there"), [(2, (None, None)), (9, (1, 1))])
def test_threads_that_c_has_not_or_uses_badly_are_left_to_torch(monkeypatch, threads, there):
    monkeypatch.setattr(_engine, "available_threads", lambda: threads)
    monkeypatch.setattr(_engine, "openmp", lambda: there)
    assert_products(30, 20, 10, torch.float32)


@pytest.mark.usefixtures("every_size", "not_in_c")
def test_processors_that_nothing_was_measured_on_are_left_to_torch(monkeypatch):
    monkeypatch.setattr(_engine.platform, "machine", lambda: "arm64")
    PRODUCTS.prepare(torch.float32)
    assert_products(30, 20, 10, torch.float32)


@pytest.mark.usefixtures("every_size")
def test_without_memory_torch_multiplies(monkeypatch):
    monkeypatch.setattr(_engine, "_product_library", lambda dtype: lambda *given: 1)
    assert_products(30, 20, 10, torch.float32)


def test_only_the_compiled_engine_multiplies_in_c():
    assert type(Compiled().products) is CompiledProducts
    assert type(Eager().products) is Products


@pytest.mark.usefixtures("every_size")
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_linear_map_in_c_equals_torchs_with_its_derivatives(dtype):
    given = numbers(50, 7, dtype=dtype), numbers(9, 7, dtype=dtype, seed=1), numbers(9, dtype=dtype)
    results = []
    for compute in (functional.linear, linear):
        sources = [each.clone().requires_grad_() for each in given]
        with own_threads(2):
            found = compute(*sources)
            first = torch.autograd.grad(found.pow(3).sum(), sources, create_graph=True)
            second = torch.autograd.grad(sum(each.pow(2).sum() for each in first), sources)
        results.append([found, *first, *second])
    for one, other in zip(*results, strict=True):
        bound = 100 * TOLERANCE[dtype]
        torch.testing.assert_close(other, one, rtol=bound, atol=bound)
    assert "_Linear" in str(results[1][0].grad_fn.next_functions)


@pytest.mark.usefixtures("every_size", "not_in_c")
def test_linear_map_outside_of_a_run_is_torchs():
    inputs, weight = numbers(50, 7), numbers(9, 7)
    assert torch.equal(linear(inputs, weight), functional.linear(inputs, weight))
