"""Numbers that aren't finite: they end a training, with an error that says where they came from."""

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import torch
from spacy.language import Language
from spacy.training import Example
from thinc.api import Model
from torch import Tensor, nn

from seqpipe.adapters import Corpus, torch_shims
from seqpipe.errors import NotFiniteError
from seqpipe.parts.encoders import Recurrent
from seqpipe.plugins import describe_maker, part_of
from seqpipe.training._settings import CorpusOf, Training

_SHOWN_ROWS: Final = 3


def check_losses(losses: Mapping[str, float]) -> None:
    """Check the losses of a batch.

    Raises:
        NotFiniteError: One of them is NaN or infinite.
    """
    for name, loss in losses.items():
        if not math.isfinite(loss):
            raise NotFiniteError(f"the loss of {name!r} is {float(loss)}")


def check_weights(nlp: Language) -> None:
    """Check the weights of all components, torch's and thinc's.

    Raises:
        NotFiniteError: One of them has NaN or infinite numbers.
    """
    for name, component in nlp.pipeline:
        for weight, is_finite in _weights(component):
            if not is_finite:
                raise NotFiniteError(f"the weight {weight!r} of {name!r} isn't finite")


def _weights(component: object) -> Iterator[tuple[str, bool]]:
    """Yield the name of each weight of a component, and whether it's finite."""
    for shim in torch_shims(component):
        # A part of a pipeline that's never been updated may have no weights yet.
        for name, weight in shim.built.named_parameters() if shim.built else ():
            yield name, bool(torch.isfinite(weight).all())
    model = getattr(component, "model", None)
    for node in model.walk() if isinstance(model, Model) else ():
        for name in node.param_names:
            if node.has_param(name):
                yield f"{node.name}.{name}", bool(node.ops.xp.isfinite(node.get_param(name)).all())


def explain(
    error: NotFiniteError, nlp: Language, training: Training, *, when: str, source: str, rows: str
) -> NotFiniteError:
    """Return an error with everything that's known of numbers that aren't finite.

    Args:
        error: What was noticed.
        nlp: The pipeline.
        training: How it's trained.
        when: In which step, or after which.
        source: Where they came from, as a clause.
        rows: Of which rows.
    """
    rate = getattr(training.optimizer, "learn_rate", None)
    is_number = isinstance(rate, float | int)
    smaller = "set a smaller `learn_rate`" + (f" than {rate:.3g}" if is_number else "")
    nearer = "a smaller `adversarial` in [training], " if training.adversarial else ""
    return NotFiniteError(
        f"{error}, {when}, {rows}; {source}; {smaller} in [training.optimizer], a "
        f"`grad_clip` there, {nearer}or a `step_clip` of seqpipe.Recurrent.v1"
    )


def name_rows(nlp: Language, corpus: CorpusOf, examples: Sequence[Example]) -> str:
    """Return where rows stand in their file, as far as the corpus is ours, else how they begin."""
    rows = corpus.rows(nlp) if isinstance(corpus, Corpus) else []
    texts = [example.reference.text for example in examples]
    wanted = set(texts)
    places = {row.text: row.source for row in reversed(rows) if row.text in wanted}
    named = [places.get(text) or repr(text[:40]) for text in texts[:_SHOWN_ROWS]]
    more = f" and {len(texts) - len(named):,} more" if len(texts) > len(named) else ""
    return f"the {'row' if len(texts) == 1 else 'rows'} {', '.join(named)}{more}"


def find_source(nlp: Language, again: Iterable[Any]) -> str:
    """Return what first gave numbers that aren't finite, as a clause.

    Args:
        nlp: The pipeline.
        again: Runs the forward pass again when it's gone through.
    """
    found: list[str] = []
    with contextlib.ExitStack() as stack:
        for name, component in nlp.pipeline:
            for shim in torch_shims(component):
                stack.enter_context(_watched(shim.module, name, found))
        with contextlib.suppress(Exception):  # its error has been reported already
            for _ in again:
                if found:
                    break
    if found:
        return found[0]
    try:
        check_weights(nlp)
    except NotFiniteError as error:
        return str(error)
    return _bad_gradient(nlp)


def _bad_gradient(nlp: Language) -> str:
    finite = "the outputs of all layers and their weights are finite"
    # A gradient comes from the loss, so the last of them is the first.
    for name, component in reversed(nlp.pipeline):
        for shim in reversed(torch_shims(component)):
            for weight, values in reversed(list(shim.module.named_parameters())):
                if values.grad is not None and not torch.isfinite(values.grad).all():
                    return f"{finite}, and the gradient isn't, from {weight!r} of {name!r} on back"
    return f"{finite}: what overflows is a sum over them"


@contextlib.contextmanager
def _watched(root: nn.Module, component: str, found: list[str]) -> Iterator[None]:
    """Note each module below a root whose output isn't finite though its inputs are."""
    engines = {each: each.engine for each in root.modules() if isinstance(each, Recurrent)}
    handles = []
    for name, module in root.named_modules():

        def note(module: nn.Module, inputs: Any, output: Any, name: str = name) -> None:
            if _all_finite(output):
                return
            if _all_finite(inputs):
                found.append(_blame(root, component, name))
            elif module is root:
                found.append(
                    f"what came into {component!r} isn't finite: look at the vectors of the "
                    "vocabulary, and at the components before"
                )

        handles.append(module.register_forward_hook(note))
    try:
        for encoder in engines:
            encoder.engine = "plain"  # the one that calls its cells, layer by layer
        yield
    finally:
        for handle in handles:
            handle.remove()
        for encoder, engine in engines.items():
            encoder.engine = engine


def _blame(root: nn.Module, component: str, name: str) -> str:
    """Return a clause about the module of a name below a root."""
    pieces = name.split(".") if name else []
    around = [root.get_submodule(".".join(pieces[:n])) for n in range(len(pieces), -1, -1)]
    made = next((each for each in around if part_of(each)), None)
    place = f"{name} ({type(around[0]).__name__}) of {component!r}" if name else repr(component)
    bad = next((n for n, w in around[0].named_parameters() if not torch.isfinite(w).all()), None)
    why = f"its weight {bad!r} isn't finite" if bad else "its inputs and weights are finite"
    who = f", a part of {describe_maker(made, 'part')}" if made is not None else ""
    if made is around[0]:
        who = f", {describe_maker(made, 'part')}"
    return f"the first output that isn't finite is that of {place}{who}: {why}"


def _all_finite(values: Any) -> bool:
    if isinstance(values, Tensor):
        return not values.is_floating_point() or bool(torch.isfinite(values).all())
    return not isinstance(values, list | tuple) or all(map(_all_finite, values))
