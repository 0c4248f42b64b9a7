"""The training loop."""

import contextlib
import gc
import itertools
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from numbers import Real
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline import Tok2Vec
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.loop import subdivide_batch

from seqpipe.adapters import (
    AdamW,
    Corpus,
    DecisionPipe,
    PipelineScorer,
    TaskPipe,
    describe,
    forgetting_evaluated,
    keeping_scores,
    keeping_states,
    keeping_tokens,
    keeping_vectors,
    naming_scorer,
    only_categorizes,
    perturbing,
    predict_evaluated,
    read_examples,
    update_encoder,
)
from seqpipe.errors import ConfigError, DataError, NotFiniteError, PluginError
from seqpipe.training._finite import check_losses, check_weights, explain, find_source, name_rows
from seqpipe.training._settings import Training, check_encoder, check_training


@dataclass(frozen=True)
class Step:
    """What happened in one update.

    Attributes:
        number: The number of updates so far.
        epoch: The pass over the data that it belongs to, from 1.
        fraction: The part of the training that's done, 0 to 1; 0 while nothing limits it.
        words: The number of tokens in the batch.
        loss: The loss of each component on the batch, as spaCy reports it.
        score: The score on the dev part, if it was evaluated after this update.
        scores: All of spaCy's scores on the dev part, likewise.
        is_best: Whether no score so far was better.
    """

    number: int
    epoch: int
    fraction: float
    words: int
    loss: dict[str, float]
    score: float | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    is_best: bool = False


@dataclass
class TrainingState:
    """Where a training is: what `train` reads and writes, and nothing else remembers.

    To continue a training exactly, more would have to be saved at an update: the weights that training goes on with,
    which aren't those of the pipeline that's saved if the optimizer averages them; the optimizer's state (moments, averages
    and their counts, schedules); the `RandomState`; the order of the epoch's examples, and the place in it; and a schedule of
    `dropout` or of batch sizes. `adversarial` leaves nothing from one update to the next.

    Attributes:
        step: The number of updates so far, the one under way included.
        epoch: The pass over the data that the last one belonged to, from 1; 0 before the first.
        fraction: The part of the training that's done, 0 to 1.
        best_score: The best score on the dev part so far; None before the first.
        best_step: The update after which the score was last improved.
    """

    step: int = 0
    epoch: int = 0
    fraction: float = 0.0
    best_score: float | None = None
    best_step: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "TrainingState":
        """Return the state that `to_dict` gave."""
        return cls(**saved)

    def add_score(self, score: float) -> bool:
        """Take note of a score, and return whether no earlier one is better."""
        # Of models that score the same, the one trained longer has usually converged further.
        is_best = self.best_score is None or score >= self.best_score
        if self.best_score is None or score > self.best_score:
            self.best_score, self.best_step = score, self.step
        return is_best


def train(nlp: Language, training: Training, state: TrainingState | None = None) -> Iterator[Step]:
    """Train an initialised pipeline; yields after each update, when the caller may save it.

    Where the optimizer averages the weights, the pipeline has these averages at that time, as in evaluations. The
    training goes on with the weights themselves, which are in their place again at its end.

    Unlike spaCy's loop this one doesn't evaluate the untrained pipeline, and always evaluates the
    last update.

    Args:
        nlp: The pipeline.
        training: How it's trained.
        state: Where the training is; it's kept up to date, for whoever looks at it or saves it. A new one: trainings
            can't be continued yet.

    Raises:
        DataError: There is nothing to train on, or to choose the best model by.
        ConfigError: Nothing would ever end the training, a number in [training] is too small, or
            none of the scores that choose the best model is there.
        NotFiniteError: A loss, gradient, weight, score or prediction is NaN or infinite. The weights are
            those of the step before, as far as they had changed.
        PluginError: A part or a reader breaks its contract.
        ValueError: The state is that of a training that has begun.
    """
    check_training(training)
    check_encoder(nlp, training)
    state = TrainingState() if state is None else state
    if state.step:
        raise ValueError(f"a training can't be continued after step {state.step} yet")
    with contextlib.ExitStack() as stack:
        stack.enter_context(keeping_vectors(nlp.vocab))
        stack.enter_context(keeping_scores(nlp))
        stack.enter_context(keeping_states(nlp))
        stack.enter_context(keeping_tokens())
        stack.enter_context(_sparing_what_is_there())
        yield from _steps(nlp, training, state)


@contextlib.contextmanager
def _sparing_what_is_there() -> Iterator[None]:
    """Have the garbage collector not look at what exists already, such as a vocabulary, over and over meanwhile."""
    is_ours = not gc.get_freeze_count()
    if is_ours:
        gc.freeze()
    try:
        yield
    finally:
        if is_ours:
            gc.unfreeze()


def _steps(nlp: Language, training: Training, state: TrainingState) -> Iterator[Step]:
    dev: list[Example] = []
    for epoch, fraction, batch, is_last in _schedule(nlp, training):
        if isinstance(training.optimizer, AdamW) and fraction:
            training.optimizer.set_progress((state.fraction + fraction) / 2)
        state.step, state.epoch, state.fraction = state.step + 1, epoch, fraction
        losses = _update(nlp, training, batch, state)
        words = sum(len(example) for example in batch)
        # What's evaluated is what the caller saves.
        with nlp.use_params(training.optimizer.averages or {}), forgetting_evaluated(nlp):
            if not (is_last or state.step % training.eval_frequency == 0):
                yield Step(state.step, epoch, fraction, words, losses)
                continue
            when = f"after step {state.step} (epoch {epoch})"
            # Ours are the same each time, so they're made once: a reference and a predicted doc of each row of the dev part.
            if not (dev and isinstance(training.dev, Corpus)):
                dev = list(read_examples(training.dev, nlp))
            score, scores = _evaluate(nlp, training, dev, when=when)
            is_best = state.add_score(score)
            yield Step(state.step, epoch, fraction, words, losses, score, scores, is_best)
        if training.patience and state.step - state.best_step >= training.patience:
            return


_Scheduled = tuple[int, float, list[Example], bool]


def _schedule(nlp: Language, training: Training) -> Iterator[_Scheduled]:
    """Yield each batch with its epoch, the fraction done after it, and whether it's the last."""
    batches = enumerate(_batches(nlp, training), start=1)
    current = next(batches, None)
    while current is not None:
        number, (epoch, in_epoch, batch) = current
        following = None if number == training.max_steps else next(batches, None)
        fraction = max(
            number / training.max_steps if training.max_steps else 0.0,
            (epoch - 1 + in_epoch) / training.max_epochs if training.max_epochs > 0 else 0.0,
        )
        yield epoch, fraction, batch, following is None
        current = following


def _batches(nlp: Language, training: Training) -> Iterator[tuple[int, float, list[Example]]]:
    """Yield the epoch, the share of it that's done after the batch, and the batch."""
    streamed = training.max_epochs < 0
    examples = [] if streamed else list(read_examples(training.train, nlp))
    epochs = itertools.count(1) if training.max_epochs <= 0 else range(1, training.max_epochs + 1)
    for epoch in epochs:
        random.shuffle(examples)
        seen = 0
        for batch in training.batcher(read_examples(training.train, nlp) if streamed else examples):
            seen += len(batch)
            yield epoch, 0.0 if streamed else seen / len(examples), batch
        if not seen:
            raise DataError(
                "there is nothing to train on: the train part has no rows, or [training.batcher] "
                "lets none through"
            )


def _update(
    nlp: Language, training: Training, batch: list[Example], state: TrainingState
) -> dict[str, float]:
    losses: dict[str, float] = {}
    if training.before_update:
        training.before_update(nlp, {"step": state.step - 1, "epoch": state.epoch - 1})
    dropout = training.dropout
    rate = dropout if isinstance(dropout, (float, int)) else next(dropout)

    def forward_and_back(losses: dict[str, float]) -> Iterator[None]:
        for part in subdivide_batch(batch, training.accumulate_gradient):
            _forward_and_back(nlp, training, part, rate, losses)
            yield

    try:
        # The checks report what overflows.
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in forward_and_back(losses):
                check_losses(losses)
        for name, component in nlp.pipeline:
            if name not in training.frozen and getattr(component, "is_trainable", False):
                component.finish_update(training.optimizer)
    except (NotFiniteError, ValueError) as error:
        noticed = _noticed(error)
        when = f"in step {state.step} (epoch {state.epoch})"
        source = find_source(nlp, forward_and_back({}))
        rows = f"on {name_rows(nlp, training.train, batch)}"
        raise explain(noticed, nlp, training, when=when, source=source, rows=rows) from error
    training.optimizer.step_schedules()
    return losses


def _forward_and_back(
    nlp: Language, training: Training, batch: list[Example], rate: float, losses: dict[str, float]
) -> None:
    """Add the gradients of a batch to those of the weights; with `adversarial`, those of the moved inputs too.

    The second pass draws dropout masks of its own, and its loss isn't among the losses.
    """
    if not training.adversarial:
        _pass(nlp, training, batch, rate, losses)
        return
    with perturbing(nlp) as perturb:
        _pass(nlp, training, batch, rate, losses)
        check_losses(losses)
        perturb(training.adversarial)
        of_moved: dict[str, float] = {}
        _pass(nlp, training, batch, rate, of_moved)
        check_losses(of_moved)


def _pass(
    nlp: Language, training: Training, batch: list[Example], rate: float, losses: dict[str, float]
) -> None:
    """Do what `nlp.update` does, but copy no docs unless some component may write on them: that takes as long as a forward pass."""
    components = [
        (n, c) for n, c in nlp.pipeline if n not in training.frozen and hasattr(c, "update")
    ]
    if training.annotating or not all(_only_reads(each) for _, each in components):
        nlp.update(
            batch,
            drop=rate,
            losses=losses,
            sgd=False,
            exclude=training.frozen,
            annotates=training.annotating,
        )
        return
    for _, component in components:
        if type(component) is Tok2Vec:
            update_encoder(component, batch, drop=rate, losses=losses)
        else:
            component.update(batch, drop=rate, losses=losses, sgd=None)


def _only_reads(component: object) -> bool:
    return type(component) in (TaskPipe, DecisionPipe) or only_categorizes(component)


def _noticed(error: Exception) -> NotFiniteError:
    """Return an error as one of ours if it reports a loss that isn't finite; spaCy's may.

    Raises:
        Exception: It reports something else.
    """
    if isinstance(error, NotFiniteError):
        return error
    if "[E910]" in str(error) or "[E940]" in str(error):
        return NotFiniteError(f"spaCy says {error}")
    raise error


def _evaluate(
    nlp: Language, training: Training, examples: list[Example], *, when: str
) -> tuple[float, dict[str, Any]]:
    if not examples:
        raise DataError("there is nothing to choose the best model by: the dev part has no rows")
    try:
        check_weights(nlp)
        with naming_scorer():
            scores = _predict_and_score(nlp, training, examples)
        return _score(training, scores), scores
    except NotFiniteError as error:
        again = (nlp(example.reference.text) for example in examples)
        source = find_source(nlp, again)
        rows = f"on {name_rows(nlp, training.dev, examples)} of the dev part"
        raise explain(error, nlp, training, when=when, source=source, rows=rows) from error


def _predict_and_score(
    nlp: Language, training: Training, examples: Sequence[Example]
) -> dict[str, Any]:
    """Do what `nlp.evaluate` does, but tokenize no text only to time that, and copy docs only if it can't be undone."""
    in_place = all(only_categorizes(component) for _, component in nlp.pipeline)
    given = examples
    is_same = training.dev.is_same if isinstance(training.dev, Corpus) else None
    if not in_place:
        examples = [Example(example.predicted.copy(), example.reference) for example in examples]
    with _restoring([example.predicted for example in examples]):
        start = time.perf_counter()
        predicted = [example.predicted for example in examples]
        docs = predict_evaluated(nlp, predicted, given, is_same)
        seconds = time.perf_counter() - start
        if not in_place:
            for example, doc in zip(examples, docs, strict=True):
                example.predicted = doc
        found = _scorer(nlp, training).score(examples)
        scores = {**found, "speed": sum(map(len, docs)) / seconds}
    return {name: _plain(value) for name, value in scores.items()}


@contextlib.contextmanager
def _restoring(docs: Sequence[Doc]) -> Iterator[None]:
    """Take back what components write into the categories and tensors of docs meanwhile."""
    before = [(doc, doc.cats, doc.tensor) for doc in docs]
    for doc in docs:
        doc.cats = {**doc.cats}
    try:
        yield
    finally:
        for doc, cats, tensor in before:
            doc.cats, doc.tensor = cats, tensor


def _plain(value: Any) -> Any:
    """Return scores with Python's numbers in the place of numpy's, which can't be written as JSON."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.item() if isinstance(value, np.floating) else value


def _scorer(nlp: Language, training: Training) -> PipelineScorer:
    """Return a scorer that compares tokens only if a score of theirs is asked for."""
    wanted = any(name.startswith("token_") for name in training.score_weights)
    return PipelineScorer(nlp, tokens=wanted)


def _score(training: Training, scores: dict[str, Any]) -> float:
    known = {name: scores[name] for name in training.score_weights if scores.get(name) is not None}
    if training.score_weights and not known:
        raise ConfigError(
            f"none of the scores in [training.score_weights] is there: {', '.join(training.score_weights)}; "
            f"this pipeline has {', '.join(sorted(scores))}"
        )
    for name, value in known.items():
        if not isinstance(value, Real):
            raise PluginError(
                f"the score {name!r} in [training.score_weights] is {describe(value)}, and should be a "
                "number: look at the scorer of the component that gives it"
            )
        if not math.isfinite(value):
            raise NotFiniteError(f"the score {name!r} is {float(value)}")
    return float(sum(training.score_weights[name] * value for name, value in known.items()))
