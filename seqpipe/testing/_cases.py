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
from seqpipe.testing._check import BrokenError, Factory

#: The widths that parts are tried with. A part may refuse some, with a `ConfigError`.
_WIDTHS: Final = (1, 2, 3, 4, 6, 8, 16, 32, 64)


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
        """Return the vectors, `[rows, input_width]`, one sequence behind the other."""
        return self.draw(self.rows, self.input_width, dtype=dtype)

    def batch(self) -> Tensor:
        """Return the lengths as a tensor, `[B]`, int64."""
        return torch.tensor(self.lengths, dtype=torch.int64)


#: Runs a part: the module, inputs `[N, input_width]` and lengths `[B]` to outputs.
Run: TypeAlias = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Kind:
    """How the parts of a kind are made and run.

    Attributes:
        name: One of `seqpipe.hookspecs.KINDS`.
        base: The class that all are of.
        build: Calls a factory with the sizes of a case.
        run: Runs a part.
        is_pooling: Whether a part gives one vector for each sequence rather than for each vector.
    """

    name: str
    base: type[nn.Module]
    build: Callable[[Factory, Case], Any]
    run: Run
    is_pooling: bool = False

    def make(self, factory: Factory, case: Case, *, stirred: bool = True) -> nn.Module:
        """Make a part in evaluation mode, from the seed of the case.

        Args:
            factory: What makes it.
            case: The sizes and the seed.
            stirred: Whether noise is added to the parameters, so that none is zero.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(case.seed)
            module: nn.Module = self.build(factory, case)
            if stirred:
                _stir(module)
        return module.eval()

    def cases(
        self, factory: Factory, *, shortest: int = 2, longest: int = 5
    ) -> st.SearchStrategy[Case]:
        """Return cases whose sequences are no shorter and no longer than that."""
        lengths = st.lists(st.integers(shortest, longest), min_size=1, max_size=3)
        return st.builds(
            Case,
            lengths=lengths.map(tuple),
            input_width=st.integers(1, 4),
            width=st.sampled_from(self.widths(factory)[:5]),
            seed=st.integers(0, 3),
        )

    def case(self, factory: Factory, *lengths: int, seed: int = 0) -> Case:
        """Return a case of common sizes."""
        widths = self.widths(factory)
        return Case(lengths, 3, next((w for w in widths if w >= 4), widths[-1]), seed)

    def widths(self, factory: Factory) -> Sequence[int]:
        """Return the widths that a factory takes.

        Raises:
            BrokenError: It takes none.
        """
        return _widths(self.build, factory)


def _widths(build: Callable[[Factory, Case], Any], factory: Factory) -> Sequence[int]:
    taken, refusal = [], None
    for width in _WIDTHS:
        try:
            with torch.random.fork_rng(devices=[]):
                build(factory, Case((), 3, width))
            taken.append(width)
        except ConfigError as error:
            refusal = error
    if not taken:
        raise BrokenError(f"it takes none of the widths {list(_WIDTHS)}: {refusal}") from refusal
    return taken


def _stir(module: nn.Module) -> None:
    for parameter in module.parameters():
        if parameter.is_floating_point():
            parameter.data.add_(torch.randn_like(parameter), alpha=0.2)


def _build_sized(factory: Factory, case: Case) -> Any:
    return factory(case.input_width, case.width)


def _build_encoder(factory: Factory, case: Case) -> Any:
    return factory(case.input_width, width=case.width)


def _run_cell(module: nn.Module, inputs: Tensor, lengths: Tensor) -> Tensor:
    return unroll_plain(module, inputs, lengths)  # type: ignore[arg-type]


def _run(module: nn.Module, inputs: Tensor, lengths: Tensor) -> Tensor:
    outputs: Tensor = module(inputs, lengths)
    return outputs


CELLS: Final = Kind("cells", Cell, _build_sized, _run_cell)
ENCODERS: Final = Kind("encoders", Encoder, _build_encoder, _run)
HEADS: Final = Kind("heads", Head, _build_sized, _run, is_pooling=True)


def unwrap(factory: Factory) -> tuple[Any, dict[str, Any]]:
    """Return what partials wrap, and the settings that they give."""
    settings: dict[str, Any] = {}
    while isinstance(factory, functools.partial):
        settings = {**factory.keywords, **settings}
        factory = factory.func
    return factory, settings
