"""What cells, encoders and heads have in common, as all are torch modules over sequences."""

import copy
import pickle
from collections.abc import Callable
from typing import Final

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError, gradcheck

from seqpipe.testing._cases import Case, Kind
from seqpipe.testing._check import BrokenError, Check, Factory, NotApplicable, make_check
from seqpipe.testing._smallest import hold

#: Differences up to these are the order of additions.
_RELATIVE: Final = 1e-4
_ABSOLUTE: Final = 1e-5

#: What torch says of a part that looks at values, which tensors on the device "meta" don't have.
_NEEDS_VALUES: Final = ("meta tensor", "Meta tensor", "'Meta' backend", "data-dependent")


def module_checks(kind: Kind, needs: tuple[Check, ...], leaves_input: Check) -> list[Check]:
    """Return the checks of all kinds that are modules.

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
    reached = make_check(every_parameter_gets_a_gradient, kind, needs=(short, leaves_input))
    return [
        shape,
        keeps,
        short,
        make_check(same_alone_as_beside_others, kind, needs=(short,)),
        saved,
        make_check(survives_pickling, kind, needs=(keeps,)),
        dtype,
        make_check(follows_the_device, kind, needs=(saved,)),
        reached,
        make_check(gradients_are_right, kind, needs=(reached, dtype)),
        make_check(same_seed_same_result, kind, needs=(keeps,)),
    ]


def same(left: Tensor, right: Tensor) -> bool:
    """Say whether two results differ by no more than the order of additions does."""
    return left.shape == right.shape and torch.allclose(
        left, right, rtol=_RELATIVE, atol=_ABSOLUTE, equal_nan=True
    )


def apart(left: Tensor, right: Tensor) -> str:
    """Tell how two results differ."""
    if left.shape != right.shape:
        return f"shapes {list(left.shape)} and {list(right.shape)}"
    return f"differences up to {float((left - right).abs().max()):.2g}"


def run(kind: Kind, module: nn.Module, case: Case) -> Tensor:
    """Run a part on the inputs of a case, without gradients."""
    with torch.no_grad():
        return kind.run(module, case.inputs(), case.batch())


def output_has_its_shape(kind: Kind, factory: Factory) -> None:
    """The output is a tensor with a row of the output's width for each vector or, of a head, for each text."""

    def law(case: Case) -> None:
        output = run(kind, kind.make(factory, case), case)
        rows = len(case.lengths) if kind.is_pooling else case.rows
        if not isinstance(output, Tensor) or output.shape != (rows, case.width):
            found = list(output.shape) if isinstance(output, Tensor) else repr(output)
            raise BrokenError(f"the output is {found}, and should be {[rows, case.width]}")

    hold(law, kind.cases(factory))


def keeps_nothing_between_calls(kind: Kind, factory: Factory) -> None:
    """In evaluation mode the same input gives the same output, whatever was read before."""

    def law(case: Case) -> None:
        module = kind.make(factory, case)
        first = run(kind, module, case)
        run(kind, module, Case(case.lengths, case.input_width, case.width, case.seed + 1))
        again = run(kind, module, case)
        if not same(first, again):
            raise BrokenError(f"the second time, after other input: {apart(first, again)}")

    hold(law, kind.cases(factory))


def reads_lengths_of_0_and_1(kind: Kind, factory: Factory) -> None:
    """Sequences of no vector and of a single one are read like others, and a batch may be empty."""

    def law(case: Case) -> None:
        output = run(kind, kind.make(factory, case), case)
        rows = len(case.lengths) if kind.is_pooling else case.rows
        if output.shape != (rows, case.width):
            raise BrokenError(
                f"the output is {list(output.shape)}, and should be {[rows, case.width]}"
            )
        if not output.isfinite().all():
            raise BrokenError("the output isn't finite")

    for lengths in [(1,), (0,), (), (0, 1), (1, 0, 2)]:
        at(law, kind.case(factory, *lengths))
    hold(law, kind.cases(factory, shortest=0, longest=2))


def same_alone_as_beside_others(kind: Kind, factory: Factory) -> None:
    """A sequence gives the same output alone as beside others, be they longer or shorter."""

    def law(case: Case) -> None:
        module = kind.make(factory, case)
        together = run(kind, module, case)
        inputs = torch.split(case.inputs(), list(case.lengths))
        outputs = torch.split(together, 1 if kind.is_pooling else list(case.lengths))
        for number, (mine, theirs) in enumerate(zip(inputs, outputs, strict=True)):
            with torch.no_grad():
                alone = kind.run(module, mine, torch.tensor([len(mine)]))
            if not same(alone, theirs):
                raise BrokenError(f"sequence {number}, alone and not: {apart(alone, theirs)}")

    hold(law, kind.cases(factory))


def state_dict_holds_everything(kind: Kind, factory: Factory) -> None:
    """Weights saved from one part and read into another make it give the same output."""
    case = kind.case(factory, 3, 5)
    module = kind.make(factory, case)
    # Copies, as safetensors refuses tensors that share memory, such as tied weights.
    saved = save({name: value.clone() for name, value in module.state_dict().items()})
    other = kind.make(factory, kind.case(factory, 3, 5, seed=1))
    other.load_state_dict(load(saved))
    _expect_same(run(kind, module, case), run(kind, other, case), "before and after")


def survives_pickling(kind: Kind, factory: Factory) -> None:
    """A part can be pickled and deep-copied, and gives the same output after."""
    case = kind.case(factory, 3, 5)
    module = kind.make(factory, case)
    before = run(kind, module, case)
    _expect_same(before, run(kind, pickle.loads(pickle.dumps(module)), case), "pickled")
    _expect_same(before, run(kind, copy.deepcopy(module), case), "copied")


def _expect_same(left: Tensor, right: Tensor, when: str) -> None:
    if not same(left, right):
        raise BrokenError(f"{when}: {apart(left, right)}")


def follows_the_dtype(kind: Kind, factory: Factory) -> None:
    """A part that was moved to float64 reads float64 and gives float64."""
    case = kind.case(factory, 3, 5)
    module = kind.make(factory, case).double()
    with torch.no_grad():
        output = kind.run(module, case.inputs(torch.float64), case.batch())
    if output.dtype != torch.float64:
        raise BrokenError(f"the output is {output.dtype}")


def follows_the_device(kind: Kind, factory: Factory) -> None:
    """A part that was moved to a device reads and gives tensors of that device; lengths stay on the CPU."""
    case = kind.case(factory, 3, 5)
    for device in ["meta", *(["cuda"] if torch.cuda.is_available() else [])]:
        module = kind.make(factory, case).to(device)
        try:
            with torch.no_grad():
                output = kind.run(module, case.inputs().to(device), case.batch())
        except (RuntimeError, NotImplementedError) as error:
            if any(words in str(error) for words in _NEEDS_VALUES):
                raise NotApplicable("it looks at values, and there's no GPU here") from error
            raise
        if output.device.type != device:
            raise BrokenError(f"on the device {device!r} the output is on {output.device.type!r}")


def every_parameter_gets_a_gradient(kind: Kind, factory: Factory) -> None:
    """Each parameter gets a gradient that's finite and, for some input, not zero."""
    missing: set[str] = set()
    for seed in range(3):
        case = kind.case(factory, 3, 5, seed=seed)
        module = kind.make(factory, case)
        output = kind.run(module, case.inputs(), case.batch())
        (output * case.draw(*output.shape, more=1)).sum().backward()  # type: ignore[no-untyped-call]
        found = {name for name, p in module.named_parameters() if _without_gradient(name, p)}
        missing = missing & found if seed else found
    if missing:
        raise BrokenError(f"these get none: {', '.join(sorted(missing))}")


def _without_gradient(name: str, parameter: nn.Parameter) -> bool:
    if not parameter.requires_grad:
        return False
    if parameter.grad is not None and not parameter.grad.isfinite().all():
        raise BrokenError(f"the gradient of {name} isn't finite")
    return parameter.grad is None or not parameter.grad.any()


def gradients_are_right(kind: Kind, factory: Factory) -> None:
    """In evaluation mode, the gradients of inputs and parameters are those found by finite differences."""

    def law(case: Case) -> None:
        module = kind.make(factory, case).double()
        inputs = case.inputs(torch.float64).requires_grad_()
        variables = [inputs, *(p for p in module.parameters() if p.requires_grad)]
        try:
            gradcheck(lambda *_: kind.run(module, inputs, case.batch()), variables, fast_mode=True)
        except GradcheckError as error:
            said = next(line for line in str(error).splitlines() if line.strip())
            raise BrokenError(said) from error

    hold(law, kind.cases(factory), most=10)


def same_seed_same_result(kind: Kind, factory: Factory) -> None:
    """Made and run in training mode from the same seed, a part gives the same output."""
    case = kind.case(factory, 3, 5)

    def result() -> Tensor:
        with torch.random.fork_rng(devices=[]):
            module = kind.make(factory, case, stirred=False).train()
            torch.manual_seed(case.seed)
            return run(kind, module, case)

    first, second = result(), result()
    _expect_same(first, second, "made twice")


def at(law: Callable[[Case], None], case: Case) -> None:
    """Try a law on one case, and tell which if it breaks."""
    try:
        law(case)
    except BrokenError as error:
        raise BrokenError(f"input that shows it: {case}\n{error}") from error.__cause__
    except Exception as error:
        said = f"it raised {type(error).__name__}: {error}"
        raise BrokenError(f"input that shows it: {case}\n{said}") from error
