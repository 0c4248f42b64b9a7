"""What the neurons of a pipeline do: gates over a text, units over a text and a corpus, the trajectory of the state."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc

from seqpipe.adapters import learnt_tasks
from seqpipe.errors import ConfigError
from seqpipe.explanation._gates import Strip, record_gates
from seqpipe.explanation._trajectories import Trajectory, place_states
from seqpipe.explanation._units import (
    Activations,
    Context,
    UnitClassifier,
    find_contexts,
    read_units,
    tell_labels,
    unit_number,
)
from seqpipe.tasks.text_classes import TextClasses

_HIDDEN: Final = "hidden state"
#: So many of the units that tell labels are shown if none are named and there's no text.
_MOST_UNITS: Final = 3
_DIGITS: Final = 4


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """A corpus.

    Attributes:
        docs: The texts, without predictions, of one word at least.
        labels: The labels of each; of texts without, nothing.
    """

    docs: Sequence[Doc]
    labels: Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class Trace:
    """One unit.

    Attributes:
        unit: Its name.
        values: Its hidden state after each word of the text, `[N]`; nothing if there's none.
        highest: Where it's at its highest in the corpus.
        lowest: Where it's at its lowest.
    """

    unit: str
    values: NDArray[np.float32]
    highest: Sequence[Context]
    lowest: Sequence[Context]


@dataclass(frozen=True, eq=False)
class Neurons:
    """What the neurons of a pipeline do.

    Attributes:
        text: As much of the text as is shown; nothing if there's none.
        words: Its words.
        left_out: How many words follow them.
        strips: The values of gates and states over the text.
        traces: Single units.
        classifiers: For each label the unit that tells it best.
        trajectory: That of the last layer's hidden state over the text.
        labels: Of the texts whose states are beside it, `[S]`.
        texts: How many texts the corpus has.
    """

    text: str
    words: Sequence[str]
    left_out: int
    strips: Sequence[Strip]
    traces: Sequence[Trace]
    classifiers: Sequence[UnitClassifier]
    trajectory: Trajectory | None
    labels: Sequence[str]
    texts: int

    def to_json(self) -> dict[str, Any]:
        """Return the same as JSON can hold it, numbers of gates and states with four digits."""
        return {
            "text": self.text,
            "words": list(self.words),
            "left_out": self.left_out,
            "gates": [
                {
                    "cell": str(strip.place),
                    "name": strip.name,
                    "function": strip.function,
                    "values": _rounded(strip.values),
                }
                for strip in self.strips
            ],
            "units": [
                {
                    "unit": trace.unit,
                    "values": _rounded(trace.values),
                    "highest": [asdict(each) for each in trace.highest],
                    "lowest": [asdict(each) for each in trace.lowest],
                }
                for trace in self.traces
            ],
            "classifiers": [asdict(each) for each in self.classifiers],
            "trajectory": None if self.trajectory is None else self._states(self.trajectory),
            "texts": self.texts,
        }

    def _states(self, trajectory: Trajectory) -> dict[str, Any]:
        return {
            "points": _rounded(trajectory.points),
            "others": _rounded(trajectory.others),
            "labels": list(self.labels),
            "shares": list(trajectory.shares),
        }


def _rounded(values: NDArray[np.floating]) -> Any:
    return np.asarray(values, dtype=np.float64).round(_DIGITS).tolist()


def look_at_neurons(
    nlp: Language,
    text: str | Doc | None = None,
    *,
    corpus: LabelledTexts | None = None,
    units: Sequence[str] | None = None,
    component: str | None = None,
    contexts: int = 8,
    most_words: int = 200,
    seed: int = 0,
) -> Neurons:
    """Show what the gates and units of a pipeline's recurrent layers do over a text, a corpus, or both.

    Args:
        nlp: The pipeline.
        text: The text, or a doc of it without predictions.
        corpus: Texts in which to look for units' highest and lowest values, and for the units that tell labels.
        units: The units to trace, such as "1.forward.17"; None for those that tell the text's label best, or without a corpus for
            the one that varies most over the text.
        component: The component that reads the encoder's output; None for the last.
        contexts: How many of a unit's highest and lowest places in the corpus.
        most_words: How many words of the text are shown; the layers read all of it.
        seed: Decides which texts units aren't fitted to, and which states are shown.

    Raises:
        ConfigError: The pipeline has no recurrent layers, there's no such unit, or neither a text nor a corpus.
        DataError: A text of the corpus has no words.
    """
    if text is None and corpus is None:
        raise ConfigError("there's neither a text nor a corpus to look at neurons over")
    doc = nlp.make_doc(text) if isinstance(text, str) else text
    recorded = [] if doc is None else record_gates(nlp, doc, component=component)
    strips = [replace(strip, values=strip.values[:most_words]) for strip in recorded]
    hidden = [strip for strip in strips if strip.name == _HIDDEN]
    found = None if corpus is None else read_units(nlp, corpus.docs, component=component, seed=seed)
    classifiers = _classifiers(nlp, corpus, found, seed)
    chosen = units or _chosen(nlp, doc, hidden, classifiers)
    return Neurons(
        "" if doc is None else doc[:most_words].text,
        [] if doc is None else [token.text for token in doc[:most_words]],
        0 if doc is None else max(0, len(doc) - most_words),
        strips,
        [_trace(unit, hidden, corpus, found, contexts) for unit in chosen],
        classifiers,
        _trajectory(hidden, found) if hidden else None,
        [] if corpus is None or found is None else _labels_of(corpus, found),
        0 if corpus is None else len(corpus.docs),
    )


def _names(hidden: Sequence[Strip]) -> list[str]:
    return [f"{strip.place}.{i}" for strip in hidden for i in range(strip.values.shape[1])]


def _chosen(
    nlp: Language,
    doc: Doc | None,
    hidden: Sequence[Strip],
    classifiers: Sequence[UnitClassifier],
) -> list[str]:
    """Return the units that are traced if none are named."""
    if doc is None:
        return list(dict.fromkeys(each.unit for each in classifiers))[:_MOST_UNITS]
    if classifiers:
        cats = nlp(doc.copy()).cats
        best = max(classifiers, key=lambda each: cats.get(each.label, -1.0))
        return [best.unit]
    spreads = np.concatenate([strip.values.std(0) for strip in hidden])
    return [_names(hidden)[int(spreads.argmax())]]


def _trace(
    unit: str,
    hidden: Sequence[Strip],
    corpus: LabelledTexts | None,
    found: Activations | None,
    contexts: int,
) -> Trace:
    values = np.zeros(0, dtype=np.float32)
    if hidden:
        number = unit_number(_names(hidden), unit)
        values = np.concatenate([strip.values for strip in hidden], axis=1)[:, number]
    if corpus is None or found is None:
        return Trace(unit, values, [], [])
    return Trace(unit, values, *find_contexts(found, corpus.docs, unit, count=contexts))


def _trajectory(hidden: Sequence[Strip], found: Activations | None) -> Trajectory:
    """Place the states of the last layer, both directions side by side."""
    last = [strip for strip in hidden if strip.place.layer == hidden[-1].place.layer]
    states = np.concatenate([strip.values for strip in last], axis=1)
    return place_states(states, None if found is None else found.states[:, -states.shape[1] :])


def _labels_of(corpus: LabelledTexts, found: Activations) -> list[str]:
    return [", ".join(corpus.labels[text]) for text in found.texts]


def _classifiers(
    nlp: Language, corpus: LabelledTexts | None, found: Activations | None, seed: int
) -> list[UnitClassifier]:
    """Compare single units with the pipeline, if that puts texts into classes and the corpus has some of them."""
    tasks = [(n, each) for n, each in learnt_tasks(nlp).items() if isinstance(each, TextClasses)]
    if corpus is None or found is None or not tasks:
        return []
    name, task = tasks[0]
    known = tuple(nlp.get_pipe(name).labels)
    truths = np.array([[label in own for label in known] for own in corpus.labels])
    if not truths.any():
        return []
    docs = nlp.pipe([doc.copy() for doc in corpus.docs])
    scores = ({label: doc.cats[label] for label in known if label in doc.cats} for doc in docs)
    said = [task.choose(each) for each in scores]
    predicted = np.array([[label in each for label in known] for each in said])
    return tell_labels(found, known, truths, predicted, seed=seed)
