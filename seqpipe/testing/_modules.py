"""What cells, encoders and heads have in common, as all are torch modules over sequences."""

import contextlib
import copy
import pickle
from collections.abc import Iterator
from typing import Final

import torch
from safetensors.torch import load, save
from torch import Tensor

from seqpipe.testing import _learning as learning
from seqpipe.testing._cases import Case, ModuleKind, expect_same, run
from seqpipe.testing._check import BrokenError, Check, Factory, NotApplicable, make_check
from seqpipe.testing._smallest import at, hold

#: Differences up to these are the order of additions.
_RELATIVE: Final = 1e-4
#: How torch complains of a tensor that's on another device than the others.
_ELSEWHERE: Final = ("is not on the expected device", "to be on the same device")


def module_checks(
    kind: ModuleKind, needs: tuple[Check, ...], leaves_input: Check
) -> dict[str, Check]:
    """Return the checks of all kinds that are modules, by name.

    Args:
        kind: How parts are made and run.
        needs: The checks that say that a part can be run at all.
        leaves_input: The one that says that a part doesn't change its input.
    """
    shape = make_check(output_has_its_shape, kind, needs=needs)
    keeps = make_check(keeps_nothing_between_calls, kind, needs=(shape,))
    short = make_check(reads_lengths_of_0_and_1, kind, needs=(keeps,))
    saved = make_check(state_dict_holds_everything, kind, needs=(keeps,))
    dtype = make_check(follows_the_dtype, kind, needs=(saved,))
    reached = make_check(
        learning.every_parameter_gets_a_gradient, kind, needs=(short, leaves_input)
    )
    seeded = make_check(learning.same_seed_same_result, kind, needs=(keeps,))
    checks = [
        shape,
        keeps,
        short,
        make_check(same_alone_as_beside_others, kind, needs=(short,)),
        saved,
        make_check(survives_pickling, kind, needs=(keeps,)),
        dtype,
        make_check(follows_the_device, kind, needs=(saved,)),
        reached,
        make_check(learning.gradients_are_right, kind, needs=(reached, dtype)),
        seeded,
        make_check(learning.learns_batch_after_batch, kind, needs=(reached, seeded)),
    ]
    return {check.name: check for check in checks}


def _expect_shape(kind: ModuleKind, output: object, case: Case) -> None:
    expected = [kind.rows(case), case.width]
    found = list(output.shape) if isinstance(output, Tensor) else repr(output)
    if found != expected:
        raise BrokenError(f"the output is {found}, and should be {expected}")


def output_has_its_shape(kind: ModuleKind, factory: Factory) -> None:
    """The output is a tensor with a row of the output's width for each vector or, of a head, for each text."""

    def law(case: Case) -> None:
        _expect_shape(kind, run(kind, kind.make(factory, case), case), case)

    hold(law, kind.cases(factory))


def keeps_nothing_between_calls(kind: ModuleKind, factory: Factory) -> None:
    """In evaluation mode the same input gives the same output, whatever was read before."""

    def law(case: Case) -> None:
        module = kind.make(factory, case)
        first = run(kind, module, case)
        run(kind, module, Case(case.lengths, case.input_width, case.width, case.seed + 1))
        expect_same(first, run(kind, module, case), "the second time, after other input")

    hold(law, kind.cases(factory))


def reads_lengths_of_0_and_1(kind: ModuleKind, factory: Factory) -> None:
    """Sequences of no vector and of a single one are read like others, and a batch may be empty."""

    def law(case: Case) -> None:
        output = run(kind, kind.make(factory, case), case)
        _expect_shape(kind, output, case)
        if not output.isfinite().all():
            raise BrokenError("the output isn't finite")

    for lengths in [(1,), (0,), (), (0, 1), (1, 0, 2)]:
        at(law, kind.case(factory, *lengths))
    hold(law, kind.cases(factory, shortest=0, longest=2))


def same_alone_as_beside_others(kind: ModuleKind, factory: Factory) -> None:
    """A sequence gives the same output alone as beside others, longer or shorter, read either way."""

    def law(case: Case) -> None:
        module = kind.make(factory, case)
        inputs = torch.split(case.inputs(), list(case.lengths))
        for way in kind.runs:
            with torch.no_grad():
                together = way(module, case.inputs(), case.batch())
                alone = [way(module, each, torch.tensor([len(each)])) for each in inputs]
            rows = 1 if kind.is_pooling else list(case.lengths)
            outputs = torch.split(together, rows)
            for number, (mine, theirs) in enumerate(zip(alone, outputs, strict=True)):
                expect_same(mine, theirs, f"sequence {number}, alone and not")

    hold(law, kind.cases(factory))


def state_dict_holds_everything(kind: ModuleKind, factory: Factory) -> None:
    """Weights saved from one part and read into another make it give the same output."""

    def law(case: Case) -> None:
        module = kind.make(factory, case)
        # Copies, as safetensors refuses tensors that share memory, such as tied weights.
        layout = torch.contiguous_format
        weights = {name: w.clone(memory_format=layout) for name, w in module.state_dict().items()}
        other = kind.make(factory, kind.case(factory, *case.lengths, seed=case.seed + 1))
        other.load_state_dict(load(save(weights)))
        expect_same(
            run(kind, module, case),
            run(kind, other, case),
            "after its weights were saved and read into another one",
        )

    at(law, kind.case(factory, 3, 5))


def survives_pickling(kind: ModuleKind, factory: Factory) -> None:
    """A part can be pickled and deep-copied, and gives the same output after."""

    def law(case: Case) -> None:
        module = kind.make(factory, case)
        before = run(kind, module, case)
        pickled = pickle.loads(pickle.dumps(module))
        expect_same(before, run(kind, pickled, case), "after pickling")
        expect_same(before, run(kind, copy.deepcopy(module), case), "after copying")

    at(law, kind.case(factory, 3, 5))


def follows_the_dtype(kind: ModuleKind, factory: Factory) -> None:
    """A part that was moved to float64 reads float64 and gives float64."""

    def law(case: Case) -> None:
        module = kind.make(factory, case).double()
        with torch.no_grad():
            output = kind.run(module, case.inputs(torch.float64), case.batch())
        if output.dtype != torch.float64:
            raise BrokenError(f"for float64 the output is {output.dtype}")

    at(law, kind.case(factory, 3, 5))


def follows_the_device(kind: ModuleKind, factory: Factory) -> None:
    """A part that was moved to a device reads and gives tensors of that device; lengths stay on the CPU."""

    def law(case: Case) -> None:
        for device in DEVICES:
            with on_device(device), torch.no_grad():
                module = kind.make(factory, case).to(device)
                output = kind.run(module, case.inputs().to(device), case.batch())
                if output.device.type != device:
                    raise BrokenError(f"on {device!r} the output is on {output.device.type!r}")

    at(law, kind.case(factory, 3, 5))


#: Where there's no GPU, "meta" stands in: its tensors have shapes, and no values.
DEVICES: Final = ("cuda",) if torch.cuda.is_available() else ("meta",)


@contextlib.contextmanager
def on_device(device: str) -> Iterator[None]:
    """Run a part on a device; on "meta", what needs values can't be tried."""
    try:
        yield
    except RuntimeError as error:
        if device != "meta" or any(words in str(error) for words in _ELSEWHERE):
            raise
        raise NotApplicable("it looks at values, and there's no GPU here") from error
