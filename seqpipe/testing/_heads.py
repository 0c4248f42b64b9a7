"""The contract of heads."""

import spacy
import torch
from torch import Tensor

from seqpipe.errors import PluginError
from seqpipe.parts.heads import TEXT_CLASSES, Head, has_loss, loss_gradient, sample_scores
from seqpipe.testing._cases import HEADS, Case, is_wide, run, seed_torch
from seqpipe.testing._check import BrokenError, Check, Factory, NotApplicable, make_check
from seqpipe.testing._making import as_part, can_be_made, is_documented
from seqpipe.testing._modules import leaves_its_input_alone, module_checks, sample_truths
from seqpipe.testing._smallest import hold

_EXCLUSIVE, _ANY_NUMBER = "textcat", "textcat_multilabel"


def head_checks() -> list[Check]:
    """Return the checks of a head."""
    made = make_check(can_be_made, "heads", Head, _make)
    named = make_check(names_its_component, needs=(made,))
    leaves = make_check(leaves_its_input_alone, HEADS, needs=(made,))
    common = module_checks(HEADS, (made,), leaves)
    scores = make_check(scores_have_their_shape, needs=(common["output_has_its_shape"],))
    return [
        made,
        make_check(is_documented, needs=(made,)),
        named,
        leaves,
        *common.values(),
        scores,
        make_check(scores_are_probabilities, needs=(scores, named)),
        make_check(gradient_leads_to_the_truth, needs=(scores, named)),
    ]


def _make(factory: Factory) -> Head:
    case = HEADS.case(factory, 1)
    head: Head = factory(case.input_width, case.width)
    return head


def _component(factory: Factory) -> str:
    try:
        return as_part("heads", factory).component({})
    except PluginError as error:
        raise BrokenError(str(error)) from error


def names_its_component(factory: Factory) -> None:
    """The class method `component` names the component of spaCy's that the head serves with some settings."""
    if as_part("heads", factory).task({}) != TEXT_CLASSES:
        raise NotApplicable("its task isn't that of classes, which spaCy has components for")
    component = _component(factory)
    # spaCy registers its factories when the first pipeline is made.
    if not (isinstance(component, str) and spacy.blank("xx").has_factory(component)):
        raise BrokenError(f"it names {component!r}, which spaCy doesn't have")


def _scores(factory: Factory, case: Case) -> tuple[Head, Tensor, Tensor]:
    head = HEADS.make(factory, case)
    assert isinstance(head, Head)
    logits = run(HEADS, head, case)
    return head, logits, head.sequence_scores(logits, torch.tensor(case.lengths))


def _gradient(head: Head, logits: Tensor, scores: Tensor, truths: Tensor, case: Case) -> Tensor:
    """Return the gradient of the loss by the logits."""
    if not has_loss(head):
        return head.grad_logits(scores, scores - truths)
    return loss_gradient(head, logits, truths, torch.tensor(case.lengths))[1]


def scores_have_their_shape(factory: Factory) -> None:
    """Scores have the logits' shape, and they and the gradient of the loss are finite, in training mode too."""

    def verify(case: Case) -> None:
        head, logits, scores = _scores(factory, case)
        truths = (
            scores.roll(1, 0) if not has_loss(head) else sample_truths(head, logits, case.batch())
        )
        _expect_alike(head, logits, scores, truths, case)
        with torch.random.fork_rng(devices=[]):
            seed_torch(case.seed)
            sampled = run(HEADS, head.train(), case)
        if sampled.shape != logits.shape:
            several = sampled.ndim == logits.ndim + 1 and len(sampled) and has_loss(head)
            if not several or sampled.shape[1:] != logits.shape:
                raise BrokenError(
                    f"in training mode the logits are {list(sampled.shape)}: they should be {list(logits.shape)} or, "
                    "of a head with a `loss`, several samples of that"
                )
        scores = sample_scores(head, sampled, torch.tensor(case.lengths))
        _expect_alike(head, sampled, scores, truths, case)

    hold(verify, HEADS.cases(factory))


def _expect_alike(head: Head, logits: Tensor, scores: Tensor, truths: Tensor, case: Case) -> None:
    """Raise a `BrokenError` if scores, or the gradient of the loss, aren't as logits are."""
    gradient = _gradient(head, logits, scores, truths, case)
    for name, found in (("the scores are", scores), ("the gradient is", gradient)):
        if found.shape != logits.shape or not found.isfinite().all():
            raise BrokenError(f"{name} {found.tolist()} for logits {list(logits.shape)}")


def _categorizer(factory: Factory) -> str:
    if as_part("heads", factory).task({}) != TEXT_CLASSES:
        raise NotApplicable("its task isn't that of classes")
    component = _component(factory)
    if component not in (_EXCLUSIVE, _ANY_NUMBER):
        raise NotApplicable(f"it serves {component}, which isn't one of the text categorizers")
    return component


def scores_are_probabilities(factory: Factory) -> None:
    """Scores for spaCy's text categorizers lie between 0 and 1; those of exclusive classes add up to 1."""
    component = _categorizer(factory)

    def verify(case: Case) -> None:
        _, _, scores = _scores(factory, case)
        if scores.min() < 0 or scores.max() > 1:
            raise BrokenError(f"scores from {float(scores.min()):.3g} to {float(scores.max()):.3g}")
        if component == _EXCLUSIVE and not torch.allclose(scores.sum(1), torch.ones(len(scores))):
            raise BrokenError(f"they add up to {scores.sum(1).tolist()}")

    hold(verify, HEADS.cases(factory))


def gradient_leads_to_the_truth(factory: Factory) -> None:
    """Logits that follow the gradient of the loss downhill come to score the true classes highest."""
    _categorizer(factory)

    def verify(case: Case) -> None:
        head = HEADS.make(factory, case)
        assert isinstance(head, Head)
        texts = len(case.lengths)
        truths = torch.eye(case.width)[torch.arange(texts) % case.width]
        logits = case.draw(texts, case.width)
        for _ in range(200):
            scores = head.scores(logits)
            gradient = _gradient(head, logits, scores, truths, case)
            # How large it is, and so how a loss is weighted, is the head's own affair.
            logits = logits - 0.5 * gradient / gradient.abs().max().clamp(min=1e-30)
        if not torch.equal(logits.argmax(1), truths.argmax(1)):
            raise BrokenError(
                f"after 200 steps the classes {truths.argmax(1).tolist()} are scored "
                f"{head.scores(logits).tolist()}"
            )

    hold(verify, HEADS.cases(factory, such=is_wide), most=10)
