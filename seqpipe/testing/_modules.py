"""The contract that cells, encoders and heads share, as all are torch modules over sequences."""

import contextlib
import copy
import itertools
import pickle
from collections.abc import Iterator
from typing import Final

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError, gradcheck

from seqpipe.parts.heads import Head, has_loss, loss_gradient
from seqpipe.testing._cases import (
    Case,
    ModuleKind,
    describe_difference,
    expect_same,
    run,
    same,
    seed_torch,
)
from seqpipe.testing._check import BrokenError, Check, Factory, NotApplicable, make_check
from seqpipe.testing._smallest import at, hold

# Checks of gradients, and of training mode.


def every_parameter_gets_a_gradient(kind: ModuleKind, factory: Factory) -> None:
    """Each parameter that's learnt gets a gradient that's finite and, for some input, not zero."""
    case = kind.case(factory, 3, 5)
    learnt = [name for name, p in kind.make(factory, case).named_parameters() if p.requires_grad]
    if not learnt:
        raise NotApplicable("it has nothing to learn")
    missing = set(learnt)
    # Some are for training only, such as what stands for a word that's dropped.
    for training, seed in itertools.product((False, True), range(3)):
        if missing:
            case = kind.case(factory, 3, 5, seed=seed)
            missing &= _without_gradient(kind, factory, case, training)
    if missing:
        raise BrokenError(f"these get none: {', '.join(sorted(missing))}")


def _without_gradient(kind: ModuleKind, factory: Factory, case: Case, training: bool) -> set[str]:
    module = kind.make(factory, case).train(training)
    _learn(kind, module, case)
    gradients = {name: p.grad for name, p in module.named_parameters()}
    for name, gradient in gradients.items():
        if gradient is not None and not gradient.isfinite().all():
            raise BrokenError(f"the gradient of {name} isn't finite")
    return {name for name, gradient in gradients.items() if gradient is None or not gradient.any()}


def _learn(kind: ModuleKind, module: nn.Module, case: Case) -> Tensor:
    """Run a part forward and backward, and return the output."""
    output = kind.run(module, case.inputs().requires_grad_(), case.batch())
    if output.requires_grad:
        (output * case.draw(*output.shape, more=1)).sum().backward()  # type: ignore[no-untyped-call]
    output = output.detach()
    if isinstance(module, Head) and has_loss(module):
        # Some parameters are the loss's alone, such as the transitions of a CRF.
        truths = sample_truths(module, output, case.batch())
        loss_gradient(module, output, truths, case.batch())
    return output


def sample_truths(head: Head, logits: Tensor, lengths: Tensor) -> Tensor:
    """Return truths such as a head's loss takes: of words the numbers of labels, if it takes these, or else shares."""
    scores = logits.mean(0) if logits.ndim > 2 else logits
    shares = scores.softmax(1).roll(1, 0)
    if head.level == "text":
        return shares
    numbers = shares.argmax(1)
    try:
        head.loss(scores, numbers, lengths)
    except Exception:
        return shares
    return numbers


def gradients_are_right(kind: ModuleKind, factory: Factory) -> None:
    """In evaluation mode, the gradients of inputs and parameters are those found by finite differences."""

    def verify(case: Case) -> None:
        module = kind.make(factory, case).double()
        inputs = case.inputs(torch.float64).requires_grad_()
        variables = [inputs, *(p for p in module.parameters() if p.requires_grad)]
        try:
            gradcheck(lambda *_: kind.run(module, inputs, case.batch()), variables, fast_mode=True)
        except GradcheckError as error:
            said = next(line for line in str(error).splitlines() if line.strip())
            raise BrokenError(said) from error

    hold(verify, kind.cases(factory), most=10)


def same_seed_same_result(kind: ModuleKind, factory: Factory) -> None:
    """Made and run in training mode from the same seed, a part gives the same output."""

    def verify(case: Case) -> None:
        first, second = (_trained_output(kind, factory, case) for _ in range(2))
        expect_same(first, second, "made twice from the same seed")

    at(verify, kind.case(factory, 3, 5))


def _trained_output(kind: ModuleKind, factory: Factory, case: Case) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        module = kind.make(factory, case, stirred=False).train()
        seed_torch(case.seed)
        return run(kind, module, case)


def learns_batch_after_batch(kind: ModuleKind, factory: Factory) -> None:
    """In training mode a part can be differentiated, and keeps nothing of one batch in the next."""

    def verify(case: Case) -> None:
        other = kind.case(factory, *case.lengths[::-1], 2, seed=case.seed + 1)
        used, fresh = (kind.make(factory, case).train() for _ in range(2))
        with torch.random.fork_rng(devices=[]):
            _learn(kind, used, other)
            seed_torch(case.seed)
            again = _learn(kind, used, case)
            seed_torch(case.seed)
            first = _learn(kind, fresh, case)
        expect_same(first, again, "as the first batch and after another one")

    for lengths in [(0, 1, 3, 5), (4, 2), (1,)]:
        at(verify, kind.case(factory, *lengths))


#: Differences up to these come from the order of additions.
_RELATIVE: Final = 1e-4
#: torch's message for a tensor that's on another device than the others.
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
    reached = make_check(every_parameter_gets_a_gradient, kind, needs=(short, leaves_input))
    seeded = make_check(same_seed_same_result, kind, needs=(keeps,))
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
        make_check(gradients_are_right, kind, needs=(reached, dtype)),
        seeded,
        make_check(learns_batch_after_batch, kind, needs=(reached, seeded)),
    ]
    return {check.name: check for check in checks}


def _expect_shape(kind: ModuleKind, module: nn.Module, output: object, case: Case) -> None:
    expected = [kind.rows(module, case), case.width]
    found = list(output.shape) if isinstance(output, Tensor) else repr(output)
    if found != expected:
        raise BrokenError(f"the output is {found}, and should be {expected}")


def output_has_its_shape(kind: ModuleKind, factory: Factory) -> None:
    """The output is a tensor with a row of the output's width for each vector or, of a head for texts, for each text."""

    def verify(case: Case) -> None:
        module = kind.make(factory, case)
        _expect_shape(kind, module, run(kind, module, case), case)

    hold(verify, kind.cases(factory))


def keeps_nothing_between_calls(kind: ModuleKind, factory: Factory) -> None:
    """In evaluation mode the same input gives the same output, whatever was read before."""

    def verify(case: Case) -> None:
        module = kind.make(factory, case)
        first = run(kind, module, case)
        run(kind, module, Case(case.lengths, case.input_width, case.width, case.seed + 1))
        expect_same(first, run(kind, module, case), "the second time, after other input")

    hold(verify, kind.cases(factory))


def reads_lengths_of_0_and_1(kind: ModuleKind, factory: Factory) -> None:
    """Sequences of no vector and of a single one are read like others, and a batch may be empty."""

    def verify(case: Case) -> None:
        module = kind.make(factory, case)
        output = run(kind, module, case)
        _expect_shape(kind, module, output, case)
        if not output.isfinite().all():
            raise BrokenError("the output isn't finite")

    for lengths in [(1,), (0,), (), (0, 1), (1, 0, 2)]:
        at(verify, kind.case(factory, *lengths))
    hold(verify, kind.cases(factory, shortest=0, longest=2))


def same_alone_as_beside_others(kind: ModuleKind, factory: Factory) -> None:
    """A sequence gives the same output alone as beside others, longer or shorter, read either way."""

    def verify(case: Case) -> None:
        module = kind.make(factory, case)
        inputs = torch.split(case.inputs(), list(case.lengths))
        for way in kind.runs:
            with torch.no_grad():
                together = way(module, case.inputs(), case.batch())
                alone = [way(module, each, torch.tensor([len(each)])) for each in inputs]
            rows = 1 if kind.pools(module) else list(case.lengths)
            outputs = torch.split(together, rows)
            for number, (mine, theirs) in enumerate(zip(alone, outputs, strict=True)):
                expect_same(mine, theirs, f"sequence {number}, alone and not")

    hold(verify, kind.cases(factory))


def state_dict_holds_everything(kind: ModuleKind, factory: Factory) -> None:
    """Weights saved from one part and read into another make it give the same output."""

    def verify(case: Case) -> None:
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

    at(verify, kind.case(factory, 3, 5))


def survives_pickling(kind: ModuleKind, factory: Factory) -> None:
    """A part can be pickled and deep-copied, and gives the same output after."""

    def verify(case: Case) -> None:
        module = kind.make(factory, case)
        before = run(kind, module, case)
        pickled = pickle.loads(pickle.dumps(module))
        expect_same(before, run(kind, pickled, case), "after pickling")
        expect_same(before, run(kind, copy.deepcopy(module), case), "after copying")

    at(verify, kind.case(factory, 3, 5))


def follows_the_dtype(kind: ModuleKind, factory: Factory) -> None:
    """A part that was moved to float64 reads float64 and gives float64."""

    def verify(case: Case) -> None:
        module = kind.make(factory, case).double()
        with torch.no_grad():
            output = kind.run(module, case.inputs(torch.float64), case.batch())
        if output.dtype != torch.float64:
            raise BrokenError(f"for float64 the output is {output.dtype}")

    at(verify, kind.case(factory, 3, 5))


def follows_the_device(kind: ModuleKind, factory: Factory) -> None:
    """A part that was moved to a device reads and gives tensors of that device; lengths stay on the CPU."""

    def verify(case: Case) -> None:
        for device in DEVICES:
            with on_device(device), torch.no_grad():
                module = kind.make(factory, case).to(device)
                output = kind.run(module, case.inputs().to(device), case.batch())
                if output.device.type != device:
                    raise BrokenError(f"on {device!r} the output is on {output.device.type!r}")

    at(verify, kind.case(factory, 3, 5))


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


def leaves_its_input_alone(kind: ModuleKind, factory: Factory) -> None:
    """Neither the vectors nor the lengths that are given are changed."""

    def verify(case: Case) -> None:
        inputs, lengths = case.inputs(), case.batch()
        kind.run(kind.make(factory, case), inputs, lengths)
        if not same(inputs, case.inputs()):
            raise BrokenError(
                f"the vectors are changed: {describe_difference(inputs, case.inputs())}"
            )
        if lengths.tolist() != list(case.lengths):
            raise BrokenError(f"the lengths are changed to {lengths.tolist()}")

    hold(verify, kind.cases(factory))
