"""The loop ends when it should, evaluates when it should, and says what it does."""

import contextlib
import gc
import itertools
from collections import Counter
from dataclasses import replace
from unittest.mock import ANY

import pytest
import spacy
from spacy.training import Example
from thinc.api import SGD, Adam

from seqpipe.adapters import make_adamw
from seqpipe.errors import ConfigError, DataError
from seqpipe.training import Training, TrainingState, train

VOCAB = spacy.blank("en").vocab


def example(number):
    doc = spacy.tokens.Doc(VOCAB, words=["w"] * (number % 3 + 1) + [str(number)])
    return Example(doc, doc.copy())


EXAMPLES = [example(number) for number in range(10)]


class Component:
    is_trainable = True

    def __init__(self):
        self.updates = []

    def update(self, examples, **kwargs):
        raise AssertionError("`nlp.update` does it, as this may write on docs")

    def finish_update(self, optimizer):
        self.updates.append(optimizer.learn_rate)


class Fake:
    """Stands in for a pipeline: notes what it's asked to do, and scores as it's told to."""

    vocab = VOCAB

    def __init__(self, scores=()):
        self.scores = iter(scores)
        self.calls = []
        self.evaluated = []
        self.parameters = []
        self.fixed = object()
        self.components = {"one": Component(), "two": Component()}

    @property
    def pipeline(self):
        return [("fixed", self.fixed), *self.components.items(), ("scored", self)]

    def update(self, examples, *, drop, losses, sgd, exclude, annotates):
        self.calls.append((examples, drop, sgd, exclude, annotates))
        losses["one"] = losses.get("one", 0.0) + len(examples)

    def pipe(self, docs):
        return docs

    def score(self, examples, **kwargs):
        self.evaluated.append((len(self.calls), list(examples)))
        return {"score": next(self.scores, 0.0), "other": 0.5, "absent": None}

    @contextlib.contextmanager
    def use_params(self, params):
        self.parameters.append(params)
        yield


def batches_of(size):
    def batch(examples):
        iterator = iter(examples)
        while chunk := list(itertools.islice(iterator, size)):
            yield chunk

    return batch


def training(**settings):
    return replace(
        Training(
            optimizer=SGD(0.1, use_averages=False),
            batcher=batches_of(5),
            train=lambda nlp: EXAMPLES,
            dev=lambda nlp: EXAMPLES[:2],
            dropout=0.1,
            max_epochs=2,
            max_steps=0,
            patience=0,
            eval_frequency=1,
            accumulate_gradient=1,
            score_weights={"score": 1.0},
            frozen=[],
            annotating=[],
            before_update=None,
            before_to_disk=None,
        ),
        **settings,
    )


def run(nlp=None, **settings):
    return list(train(nlp or Fake(), training(**settings)))


def test_epochs_end_the_training():
    steps = run(max_epochs=3)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6]
    assert [step.epoch for step in steps] == [1, 1, 2, 2, 3, 3]


def test_every_epoch_goes_through_all_examples_in_another_order():
    nlp = Fake()
    run(nlp, max_epochs=4)
    order = [id(eg) for examples, *_ in nlp.calls for eg in examples]
    epochs = [order[i : i + 10] for i in range(0, 40, 10)]
    assert all(Counter(epoch) == Counter(map(id, EXAMPLES)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


@pytest.mark.parametrize("epochs", [0, 2, 9])
def test_steps_end_the_training(epochs):
    assert len(run(max_epochs=epochs, max_steps=3)) == 3


def test_the_first_of_two_limits_counts():
    assert len(run(max_epochs=1, max_steps=30)) == 2


def test_patience_ends_the_training():
    nlp = Fake(scores=[0.1, 0.5, 0.4, 0.3, 0.2, 0.1])
    steps = run(nlp, max_epochs=0, patience=3)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]
    assert [step.is_best for step in steps] == [True, True, False, False, False]


def test_patience_ends_a_training_whose_score_stays_the_same():
    nlp = Fake(scores=itertools.repeat(1.0))
    steps = list(itertools.islice(train(nlp, training(max_epochs=0, patience=4)), 50))
    assert len(steps) == 5
    assert all(step.is_best for step in steps)


def test_of_models_that_score_the_same_the_later_is_best():
    nlp = Fake(scores=[0.5, 0.5, 0.4, 0.5])
    assert [step.is_best for step in run(nlp)] == [True, True, False, True]


def test_state_says_where_the_training_is_after_each_step():
    state = TrainingState()
    nlp = Fake(scores=[0.1, 0.5, 0.4, 0.3])
    for step in train(nlp, training(max_epochs=2), state):
        assert (state.step, state.epoch, state.fraction) == (step.number, step.epoch, step.fraction)
    assert (state.best_score, state.best_step, state.fraction) == (0.5, 2, 1.0)


def test_score_of_zero_can_be_best():
    assert run(Fake(scores=[0.0]), max_steps=1)[0].is_best


def test_last_update_is_evaluated():
    nlp = Fake()
    steps = run(nlp, max_epochs=5, eval_frequency=4)
    assert [step.number for step in steps if step.score is not None] == [4, 8, 10]
    assert [calls for calls, _ in nlp.evaluated] == [4, 8, 10]


@pytest.mark.parametrize("limit", [{"max_epochs": 4}, {"max_epochs": 0, "max_steps": 8}])
def test_nothing_is_evaluated_twice(limit):
    nlp = Fake()
    run(nlp, eval_frequency=4, **limit)
    assert [calls for calls, _ in nlp.evaluated] == [4, 8]


def test_steps_without_evaluation_have_no_score():
    first, second = run(max_steps=2, eval_frequency=2)
    assert (first.score, first.scores, first.is_best) == (None, {}, False)
    assert second.score is not None and second.scores and second.is_best


@pytest.mark.parametrize(
    ("limits", "fractions"),
    [
        ({"max_epochs": 2}, [0.25, 0.5, 0.75, 1.0]),
        ({"max_epochs": 0, "max_steps": 4}, [0.25, 0.5, 0.75, 1.0]),
        ({"max_epochs": 4, "max_steps": 2}, [0.5, 1.0]),
        ({"max_epochs": 0, "patience": 2}, [0.0, 0.0, 0.0]),
        ({"max_epochs": -1, "max_steps": 4}, [0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_fraction_tells_how_far_the_training_is(limits, fractions):
    assert [step.fraction for step in run(**limits)] == pytest.approx(fractions)


def test_fraction_counts_rows_and_not_batches():
    steps = run(max_epochs=1, batcher=batches_of(8))
    assert [step.fraction for step in steps] == pytest.approx([0.8, 1.0])


def test_words_and_losses_are_those_of_the_batch():
    nlp = Fake()
    for step, (examples, *_) in zip(run(nlp), nlp.calls, strict=True):
        assert step.words == sum(len(eg.predicted) for eg in examples)
        assert step.loss == {"one": 5.0}


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_accumulated_batches_are_cut_and_stepped_once(parts):
    nlp = Fake()
    steps = run(nlp, max_epochs=1, accumulate_gradient=parts)
    assert sum(len(examples) for examples, *_ in nlp.calls) == 10
    assert len(nlp.calls) > len(steps) == len(nlp.components["one"].updates) == 2
    assert [step.loss["one"] for step in steps] == [5.0, 5.0]


def test_frozen_and_annotating_components_are_handed_on():
    nlp = Fake()
    run(nlp, frozen=["two"], annotating=["one"])
    assert all(call[2:] == (False, ["two"], ["one"]) for call in nlp.calls)
    assert len(nlp.components["one"].updates) == 4
    assert nlp.components["two"].updates == []


@pytest.mark.parametrize(
    ("dropout", "rates"),
    [(0.25, [0.25] * 3), (0, [0] * 3), (iter([0.3, 0.2, 0.1]), [0.3, 0.2, 0.1])],
)
def test_dropout_is_a_number_or_a_schedule(dropout, rates):
    nlp = Fake()
    run(nlp, max_steps=3, dropout=dropout)
    assert [call[1] for call in nlp.calls] == rates


def test_dropout_changes_per_update_and_not_per_part_of_a_batch():
    nlp = Fake()
    run(nlp, max_steps=2, dropout=iter([0.3, 0.2]), accumulate_gradient=5)
    assert [call[1] for call in nlp.calls] == [0.3] * 5 + [0.2] * 5


def test_schedule_of_the_optimizer_steps_once_per_update():
    nlp = Fake()
    optimizer = Adam(iter([0.4, 0.3, 0.2, 0.1]), use_averages=False)
    run(nlp, optimizer=optimizer, max_steps=3, accumulate_gradient=2)
    assert nlp.components["one"].updates == [0.4, 0.3, 0.2]


def test_our_optimizer_is_told_how_far_the_training_is():
    nlp = Fake()
    run(nlp, optimizer=make_adamw(0.4, warmup=0.5), max_epochs=2)
    assert nlp.components["one"].updates == pytest.approx([0.1, 0.3, 0.3, 0.1])


def test_averages_are_evaluated():
    nlp = Fake()
    optimizer = Adam(0.1)
    optimizer.averages[(1, "W")] = "average"
    run(nlp, max_steps=1, optimizer=optimizer)
    assert nlp.parameters == [optimizer.averages]


def test_streamed_corpus_is_read_again_for_each_epoch_and_never_whole():
    reads, taken = [], []

    def stream(nlp):
        reads.append(1)
        for eg in EXAMPLES:
            taken.append(eg)
            yield eg

    steps = train(Fake(), training(max_epochs=-1, max_steps=5, train=stream))
    first = next(steps)
    # One batch is read ahead, to know whether the one at hand is the last.
    assert first.epoch == 1 and len(taken) == 10
    assert [step.epoch for step in steps] == [1, 2, 2, 3]
    assert len(reads) == 3
    assert taken[:10] == EXAMPLES


def test_corpus_that_is_not_streamed_is_read_once():
    reads = []

    def read(nlp):
        reads.append(1)
        yield from EXAMPLES

    run(max_epochs=3, train=read)
    assert len(reads) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"train": lambda nlp: []},
        {"train": lambda nlp: iter([]), "max_epochs": -1, "max_steps": 3},
        {"train": lambda nlp: [], "max_epochs": 0, "patience": 3},
        {"batcher": lambda examples: iter([])},
        {"batcher": lambda examples: iter([]), "max_epochs": 0, "max_steps": 3},
    ],
)
def test_nothing_to_train_on_is_refused(settings):
    with pytest.raises(DataError, match="nothing to train on"):
        run(**settings)


@pytest.mark.parametrize("epochs", [0, -1])
def test_training_that_never_ends_is_refused(epochs):
    with pytest.raises(ConfigError, match="never ends"):
        next(train(Fake(), training(max_epochs=epochs)))


@pytest.mark.parametrize("setting", ["eval_frequency", "accumulate_gradient"])
@pytest.mark.parametrize("value", [0, -1])
def test_number_that_is_too_small_is_refused(setting, value):
    with pytest.raises(ConfigError, match=setting):
        run(**{setting: value})


def test_score_is_the_weighted_sum_of_those_there():
    (step,) = run(
        Fake(scores=[0.8]),
        max_steps=1,
        score_weights={"score": 0.5, "other": 0.25, "absent": 0.5, "unknown": 0.5},
    )
    assert step.score == pytest.approx(0.5 * 0.8 + 0.25 * 0.5)
    assert step.scores == {"score": 0.8, "other": 0.5, "absent": None, "speed": ANY}


@pytest.mark.parametrize("name", ["absent", "unknown"])
def test_no_score_to_choose_by_is_refused_with_those_there_are(name):
    with pytest.raises(ConfigError, match=rf"{name}.*this pipeline has absent, other, score"):
        run(score_weights={name: 1.0})


def test_callback_before_each_update_counts_as_spacy_does():
    told = []
    run(max_epochs=2, before_update=lambda nlp, info: told.append(info))
    assert told == [
        {"step": 0, "epoch": 0},
        {"step": 1, "epoch": 0},
        {"step": 2, "epoch": 1},
        {"step": 3, "epoch": 1},
    ]


def test_training_that_has_begun_is_not_continued():
    with pytest.raises(ValueError, match="can't be continued after step 3"):
        next(train(Fake(), training(), TrainingState(step=3)))


def test_garbage_collector_is_left_as_it_was():
    frozen = []
    run(before_update=lambda nlp, state: frozen.append(gc.get_freeze_count()))
    assert min(frozen) > 0
    assert gc.get_freeze_count() == 0


def test_objects_that_the_caller_has_frozen_stay_so():
    gc.freeze()
    try:
        run()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
