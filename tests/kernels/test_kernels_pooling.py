"""Pooling of sequences, compared with formulas in torch, one sequence at a time."""

import pytest
import torch

from seqpipe.compilers import BuildError
from seqpipe.kernels import Attention, pool_sequences
from seqpipe.kernels.c import _pooling
from seqpipe.native import own_threads

DTYPES = [torch.float32, torch.float64]
NAMES = ["mean", "attention", "last", "max", "attention"]
# None, one, as many as are summed at once, more, and many.
LENGTHS = [3, 0, 1, 128, 129, 0, 1000]


@pytest.fixture(params=["C", "torch"])
def engine(request, monkeypatch):
    """Pool in C, or as where there's no compiler."""
    if request.param == "C":
        request.getfixturevalue("compiler")
    else:

        def fail(source):
            raise BuildError("there's no compiler")

        for cached in (_pooling._has_library, _pooling._pool_library):
            monkeypatch.setattr(_pooling, cached.__name__, cached.__wrapped__)
        monkeypatch.setattr(_pooling, "build", fail)
    return request.param


@pytest.fixture
def many_threads(monkeypatch):
    """Let short sequences be divided among threads, too."""
    monkeypatch.setattr(_pooling, "_MIN_THREADED_ELEMENTS", 0)


def numbers(*shape, dtype=torch.float64, seed=0):
    made = torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return made.to(dtype).requires_grad_()


def inputs(width, lengths=LENGTHS, dtype=torch.float64, attentions=2):
    rows, seeds = sum(lengths), iter(range(1, 100))
    shapes = [(rows, width), (width,), (width,)] * attentions
    return [
        numbers(rows, width, dtype=dtype),
        *(numbers(*shape, dtype=dtype, seed=next(seeds)) for shape in shapes),
    ]


def pool(names, lengths, vectors, *tensors):
    attentions = [Attention(*tensors[i : i + 3]) for i in range(0, len(tensors), 3)]
    return pool_sequences(vectors, lengths, names, attentions)


def by_formulas(names, lengths, vectors, *tensors):
    first, found = 0, []
    for length in lengths:
        part, row = vectors[first : first + length], []
        left = iter(range(0, len(tensors), 3))
        for name in names:
            given = [tensors[i : i + 3] for i in [next(left)]] if name == "attention" else []
            if not length:
                row.append(torch.zeros_like(vectors[0]))
            elif name == "last":
                row.append(part[-1])
            elif name == "mean":
                row.append(part.sum(0) / length)
            elif name == "max":
                row.append(part.amax(0))
            for products, bias, query in given if length else ():
                matches = (products[first : first + length] + bias).tanh() @ query
                weights = (matches - matches.max()).exp()
                row.append((weights[:, None] * part).sum(0) / weights.sum())
        found.append(torch.cat(row))
        first += length
    return torch.stack(found)


def with_gradients(compute, names, lengths, given):
    found = compute(names, lengths, *given)
    weights = numbers(*found.shape, dtype=found.dtype, seed=50).detach()
    # Of what doesn't appear, zeros.
    gradients = torch.autograd.grad((found * weights).sum(), given, materialize_grads=True)
    return [found, *gradients]


def assert_close(found, expected, bound):
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=bound, atol=bound)


@pytest.mark.parametrize("width", [1, 16, 37, 300])
@pytest.mark.parametrize("dtype", DTYPES)
def test_pooled_vectors_and_gradients_equal_formulas(engine, dtype, width):
    given = inputs(width, dtype=dtype)
    found = with_gradients(pool, NAMES, LENGTHS, given)
    expected = with_gradients(by_formulas, NAMES, LENGTHS, given)
    assert_close(found, expected, 1e-4 if dtype == torch.float32 else 1e-12)
    assert ("_Pool" in str(found[0].grad_fn)) == (engine == "C")


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("names", [["last", "mean"], ["max"], ["attention"]])
def test_first_and_second_derivatives_equal_differences(names):
    lengths = [3, 0, 1]
    given = inputs(2, lengths, attentions=names.count("attention"))

    def compute(*given):
        return pool(names, lengths, *given)

    assert torch.autograd.gradcheck(compute, given)
    assert torch.autograd.gradgradcheck(compute, given)


@pytest.mark.usefixtures("engine")
def test_values_that_are_equally_great_share_the_gradient():
    vectors = torch.tensor([[2.0, 1.0], [2.0, 3.0], [0.0, 3.0], [2.0, 3.0]], requires_grad=True)
    pool_sequences(vectors, [1, 3], ["max"]).backward(torch.tensor([[1.0, 1.0], [6.0, 6.0]]))
    assert vectors.grad.tolist() == [[1, 1], [3, 2], [0, 2], [3, 2]]


@pytest.mark.usefixtures("engine")
def test_nan_and_infinity_stay_in_their_sequence():
    vectors = torch.ones(6, 2, requires_grad=True)
    with torch.no_grad():
        vectors[1, 0], vectors[4, 0] = torch.nan, torch.inf
    found = pool_sequences(vectors, [2, 2, 2], ["mean", "max"])
    expected = torch.tensor([[torch.nan, 1.0] * 2, [1.0] * 4, [torch.inf, 1.0] * 2])
    torch.testing.assert_close(found, expected, equal_nan=True)
    found[1:].sum().backward()
    assert bool(vectors.grad[2:].isfinite().all())


def test_long_sequence_loses_little_to_rounding(engine):
    vectors = torch.rand(300_000, 2, generator=torch.Generator().manual_seed(0))
    found = pool_sequences(vectors, [300_000], ["mean"])
    torch.testing.assert_close(found[0].double(), vectors.double().mean(0), rtol=1e-6, atol=0)


@pytest.mark.usefixtures("compiler", "many_threads")
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_number_of_threads_gives_the_same_bits(dtype):
    given, results = inputs(37, dtype=dtype), []
    for threads in (1, 2, 3):
        with own_threads(threads):
            results.append(with_gradients(pool, NAMES, LENGTHS, given))
    pairs = [pair for other in results[1:] for pair in zip(results[0], other, strict=True)]
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.usefixtures("engine")
def test_a_sequence_does_not_depend_on_its_neighbours():
    vectors = torch.randn(60, 20, generator=torch.Generator().manual_seed(0))
    together = pool_sequences(vectors, [10, 30, 20], ["mean", "max"])
    assert torch.equal(pool_sequences(vectors[10:40], [30], ["mean", "max"]), together[1:2])


@pytest.mark.usefixtures("engine")
def test_tensors_need_not_lie_in_one_piece():
    wide = inputs(12, [4, 3])
    strided = [each[..., ::2] for each in wide]
    names = ["max", "attention", "attention"]
    found, expected = (
        with_gradients(compute, names, [4, 3], strided) for compute in (pool, by_formulas)
    )
    assert_close(found, expected, 1e-12)
    # The gradient of a sum is one number, expanded.
    found, expected = (
        torch.autograd.grad(compute(names, [4, 3], *strided).sum(), strided)
        for compute in (pool, by_formulas)
    )
    assert_close(found, expected, 1e-12)


@pytest.mark.usefixtures("engine")
def test_no_sequences_and_no_words():
    assert pool_sequences(torch.zeros(0, 3), [], ["mean", "last"]).shape == (0, 6)
    none = inputs(3, [0, 0])
    found = with_gradients(pool, NAMES, [0, 0], none)
    assert found[0].shape == (2, 15) and not any(bool(each.any()) for each in found)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("lengths", [[3, 3], [4], [6, -1]])
def test_lengths_that_do_not_fit_are_refused(lengths):
    with pytest.raises(RuntimeError, match="split"):
        pool_sequences(torch.zeros(5, 2), lengths, ["mean"])


@pytest.mark.usefixtures("compiler")
def test_a_second_backward_pass_finds_the_same():
    given = inputs(5)
    loss = pool(NAMES, LENGTHS, *given).pow(2).sum()
    first = torch.autograd.grad(loss, given, retain_graph=True)
    assert all(map(torch.equal, first, torch.autograd.grad(loss, given)))


@pytest.fixture
def not_in_c(monkeypatch):
    """Let what goes to C fail the test."""

    def fail(*given):
        raise AssertionError("that's for torch")

    monkeypatch.setattr(_pooling, "_call", fail)


@pytest.mark.usefixtures("not_in_c")
def test_other_types_and_devices_are_left_to_torch():
    half = inputs(4, [2, 3], dtype=torch.bfloat16)
    assert pool(NAMES, [2, 3], *half).dtype == torch.bfloat16
    away = torch.empty(5, 4, device="meta")
    assert not _pooling._fits_c(_pooling._Plan((2, 3), ("last",)), [away])
    mixed = [inputs(4, [2, 3])[0], *inputs(4, [2, 3], dtype=torch.float32)[1:]]
    with pytest.raises(RuntimeError, match="dtype"):
        pool(NAMES, [2, 3], *mixed)


# torch's own, on the first use of `jvp`.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.usefixtures("not_in_c")
def test_transforms_of_torch_are_supported():
    given = [each.detach() for each in inputs(4, [2, 3])]

    def total(vectors):
        return pool(NAMES, [2, 3], vectors, *given[1:]).pow(2).sum()

    leaf = given[0].clone().requires_grad_()
    loss = by_formulas(NAMES, [2, 3], leaf, *given[1:]).pow(2).sum()
    (expected,) = torch.autograd.grad(loss, leaf)
    torch.testing.assert_close(torch.func.grad(total)(given[0]), expected)
    _, slope = torch.func.jvp(total, (given[0],), (torch.ones_like(given[0]),))
    torch.testing.assert_close(slope, expected.sum())


@pytest.mark.usefixtures("engine")
def test_gradients_of_many_losses_at_once():
    given = inputs(4, [2, 3])
    found = pool(NAMES, [2, 3], *given)
    many = numbers(6, *found.shape, seed=9).detach()
    together = torch.autograd.grad(found, given, many, is_grads_batched=True, retain_graph=True)
    for i, each in enumerate(many):
        alone = torch.autograd.grad(found, given, each, retain_graph=True)
        assert_close([part[i] for part in together], alone, 1e-12)
