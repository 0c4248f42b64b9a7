"""Small inputs for parts that are torch modules, and how each kind is made and run."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from seqpipe.errors import ConfigError
from seqpipe.parts.cells import Cell
from seqpipe.parts.encoders import Encoder, unroll_plain
from seqpipe.parts.heads import Head
from seqpipe.testing._check import BrokenError, Factory, NotApplicable, remembered

#: The widths of input and output that parts are tried with, as many as `_MAX_WIDTHS` of those that they take.
#: A part refuses sizes by a `ConfigError`.
_SIZES: Final = (
    *((1, 1), (2, 1), (1, 2), (3, 4), (4, 6), (2, 2), (4, 4), (8, 8), (4, 12)),
    *((16, 16), (24, 24), (32, 32), (64, 64), (128, 128), (256, 256)),
)
_MAX_WIDTHS: Final = 5

#: Those that speed is measured with; the first that the part accepts is used.
_LARGE: Final = ((64, 64), (60, 60), (32, 32), (128, 128), (16, 16), (8, 8))


#: Differences up to these come from the order of additions.
_RELATIVE: Final = 1e-4

_ABSOLUTE: Final = 1e-5


@dataclass(frozen=True)
class Case:
    """A batch of sequences, and the sizes of what reads it.

    Attributes:
        lengths: How many vectors each sequence has.
        input_width: Their width.
        width: The width of what comes out.
        seed: Of the weights and the vectors.
    """

    lengths: tuple[int, ...]
    input_width: int
    width: int
    seed: int = 0

    def __str__(self) -> str:
        return (
            f"lengths {list(self.lengths)}, input width {self.input_width}, "
            f"output width {self.width}, seed {self.seed}"
        )

    @property
    def rows(self) -> int:
        """The number of vectors."""
        return sum(self.lengths)

    def draw(self, *shape: int, dtype: torch.dtype = torch.float32, more: int = 0) -> Tensor:
        """Return random numbers, the same ones at each call with the same arguments."""
        generator = torch.Generator().manual_seed(1000 * self.seed + more)
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    def inputs(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the vectors, `[rows, input_width]`, the sequences concatenated."""
        return self.draw(self.rows, self.input_width, dtype=dtype)

    def batch(self) -> Tensor:
        """Return the lengths as a tensor, `[B]`, int64."""
        return torch.tensor(self.lengths, dtype=torch.int64)


#: Runs a part: the module, inputs `[N, input_width]` and lengths `[B]` to outputs.
Run: TypeAlias = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class ModuleKind:
    """How the parts of a kind are made and run.

    Attributes:
        name: One of `seqpipe.hookspecs.KINDS`.
        base: The class that all are of.
        build: Calls a factory with the sizes of a case.
        runs: The ways to run a part: a cell is also run from a sequence's end to its beginning.
        is_pooling: Whether a part gives one vector for each sequence rather than for each vector, unless it says by
            its `level` that it's for words.
    """

    name: str
    base: type[nn.Module]
    build: Callable[[Factory, Case], Any]
    runs: tuple[Run, ...]
    is_pooling: bool = False

    @property
    def run(self) -> Run:
        """The usual way to run a part."""
        return self.runs[0]

    def make(self, factory: Factory, case: Case, *, stirred: bool = True) -> nn.Module:
        """Make a part in evaluation mode, from the seed of the case.

        Args:
            factory: What makes it.
            case: The sizes and the seed.
            stirred: Whether noise is added to the parameters that are learnt, so that none is zero.
        """
        with torch.random.fork_rng(devices=[]):
            seed_torch(case.seed)
            module: nn.Module = self.build(factory, case)
            if stirred:
                _stir(module)
        return module.eval()

    def cases(
        self,
        factory: Factory,
        *,
        shortest: int = 2,
        longest: int = 5,
        such: Callable[[Case], bool] | None = None,
    ) -> st.SearchStrategy[Case]:
        """Return cases whose sequences are no shorter and no longer than that.

        Args:
            factory: Takes the sizes.
            shortest: The least length.
            longest: The greatest.
            such: Says of a case whether it's one to try; a function of a module, so that it's the same each
                time.
        """
        sizes = taken_sizes(self.build, factory)
        return _cases(tuple(sizes), shortest, longest, such)

    def case(self, factory: Factory, *lengths: int, seed: int = 0) -> Case:
        """Return a case of common sizes."""
        sizes = taken_sizes(self.build, factory)
        input_width, width = next((pair for pair in sizes if min(pair) > 2), sizes[-1])
        return Case(lengths, input_width, width, seed)

    def large_case(self, factory: Factory) -> Case:
        """Return a case to measure speed with."""
        takes = (pair for pair in _LARGE if not _refusal(self.build, factory, pair))
        sizes = next(takes, None) or taken_sizes(self.build, factory)[-1]
        return Case((32,) * 32, *sizes)

    def pools(self, module: nn.Module) -> bool:
        """Say whether a part gives one vector for each sequence."""
        return self.is_pooling and getattr(module, "level", "text") == "text"

    def rows(self, module: nn.Module, case: Case) -> int:
        """Return how many rows a part's output for a case has."""
        return len(case.lengths) if self.pools(module) else case.rows


# The same object each time, so that all laws are tried on cases that are drawn once.
@functools.lru_cache
def _cases(
    sizes: tuple[tuple[int, int], ...],
    shortest: int,
    longest: int,
    such: Callable[[Case], bool] | None,
) -> st.SearchStrategy[Case]:
    cases = st.builds(
        lambda lengths, sizes, seed: Case(tuple(lengths), sizes[0], sizes[1], seed),
        st.lists(st.integers(shortest, longest), min_size=1, max_size=3),
        st.sampled_from(sizes),
        st.integers(0, 3),
    )
    return cases.filter(such) if such else cases


def is_wide(case: Case) -> bool:
    """Say whether what comes out is wider than 1."""
    return case.width > 1


def has_rows(case: Case) -> bool:
    """Say whether there's a vector at all."""
    return case.rows > 0


def seed_torch(seed: int) -> None:
    """Seed torch's generators as `torch.manual_seed` does.

    Where there's only the CPU, that takes milliseconds for each call: it writes a trace of the stack for each
    kind of device that isn't there, and keeps it.
    """
    if _HAS_ACCELERATOR:
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


_HAS_ACCELERATOR: Final = torch.accelerator.is_available()


@remembered
def taken_sizes(
    build: Callable[[Factory, Case], Any], factory: Factory
) -> Sequence[tuple[int, int]]:
    """Return some widths of input and output that a factory takes.

    Raises:
        NotApplicable: It takes none of those that are tried.
    """
    taken: list[tuple[int, int]] = []
    for pair in _SIZES:
        refusal = _refusal(build, factory, pair)
        if refusal is None:
            taken.append(pair)
        if len(taken) == _MAX_WIDTHS:
            break
    if not taken:
        raise NotApplicable(f"it takes none of the widths that are tried: {refusal}")
    return taken


def _refusal(
    build: Callable[[Factory, Case], Any], factory: Factory, sizes: tuple[int, int]
) -> ConfigError | None:
    try:
        with torch.random.fork_rng(devices=[]):
            build(factory, Case((), *sizes))
    except ConfigError as error:
        return error
    return None


def _stir(module: nn.Module) -> None:
    for parameter in module.parameters():
        if parameter.requires_grad:
            parameter.data.add_(torch.randn_like(parameter), alpha=0.2)


def _build_sized(factory: Factory, case: Case) -> Any:
    return factory(case.input_width, case.width)


def _build_encoder(factory: Factory, case: Case) -> Any:
    return factory(case.input_width, width=case.width)


def _run_cell(module: nn.Module, inputs: Tensor, lengths: Tensor) -> Tensor:
    return unroll_plain(module, inputs, lengths)[0]  # type: ignore[arg-type]


def _run_cell_backwards(module: nn.Module, inputs: Tensor, lengths: Tensor) -> Tensor:
    return unroll_plain(module, inputs, lengths, reverse=True)[0]  # type: ignore[arg-type]


def _run(module: nn.Module, inputs: Tensor, lengths: Tensor) -> Tensor:
    if getattr(module, "sees_pairs", False):
        outputs: Tensor = module(inputs, lengths, firsts=lengths // 2)
        return outputs
    outputs = module(inputs, lengths)
    return outputs


CELLS: Final = ModuleKind("cells", Cell, _build_sized, (_run_cell, _run_cell_backwards))
ENCODERS: Final = ModuleKind("encoders", Encoder, _build_encoder, (_run,))
HEADS: Final = ModuleKind("heads", Head, _build_sized, (_run,), is_pooling=True)


def run(kind: ModuleKind, module: nn.Module, case: Case) -> Tensor:
    """Run a part on the inputs of a case, without gradients."""
    with torch.no_grad():
        return kind.run(module, case.inputs(), case.batch())


def same(left: Tensor, right: Tensor) -> bool:
    """Say whether two results differ by no more than rounding."""
    return left.shape == right.shape and torch.allclose(
        left, right, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True
    )


def describe_difference(left: Tensor, right: Tensor) -> str:
    """Describe how two results differ."""
    if left.shape != right.shape:
        return f"shapes {list(left.shape)} and {list(right.shape)}"
    return f"differences up to {float((left - right).abs().max()):.2g}"


def expect_same(left: Tensor, right: Tensor, when: str) -> None:
    """Raise a `BrokenError` that says when two results differ, if they do."""
    if not same(left, right):
        raise BrokenError(f"{when}: {describe_difference(left, right)}")
