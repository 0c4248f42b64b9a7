"""What modules have in common: gradients, and training mode."""

import itertools

import torch
from torch import Tensor, nn
from torch.autograd.gradcheck import GradcheckError, gradcheck

from seqpipe.testing._cases import Case, ModuleKind, expect_same, run
from seqpipe.testing._check import BrokenError, Factory, NotApplicable
from seqpipe.testing._smallest import at, hold


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
    return output.detach()


def gradients_are_right(kind: ModuleKind, factory: Factory) -> None:
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


def same_seed_same_result(kind: ModuleKind, factory: Factory) -> None:
    """Made and run in training mode from the same seed, a part gives the same output."""

    def law(case: Case) -> None:
        first, second = (_trained_output(kind, factory, case) for _ in range(2))
        expect_same(first, second, "made twice from the same seed")

    at(law, kind.case(factory, 3, 5))


def _trained_output(kind: ModuleKind, factory: Factory, case: Case) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        module = kind.make(factory, case, stirred=False).train()
        torch.manual_seed(case.seed)
        return run(kind, module, case)


def learns_batch_after_batch(kind: ModuleKind, factory: Factory) -> None:
    """In training mode a part can be differentiated, and keeps nothing of one batch in the next."""

    def law(case: Case) -> None:
        other = kind.case(factory, *case.lengths[::-1], 2, seed=case.seed + 1)
        used, fresh = (kind.make(factory, case).train() for _ in range(2))
        with torch.random.fork_rng(devices=[]):
            _learn(kind, used, other)
            torch.manual_seed(case.seed)
            again = _learn(kind, used, case)
            torch.manual_seed(case.seed)
            first = _learn(kind, fresh, case)
        expect_same(first, again, "as the first batch and after another one")

    for lengths in [(0, 1, 3, 5), (4, 2), (1,)]:
        at(law, kind.case(factory, *lengths))
