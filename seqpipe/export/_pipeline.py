"""What a pipeline consists of, for export: its parts by name, or an error that says which part can't be exported."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.language import Language
from spacy.pipeline.textcat import TextCategorizer
from spacy.strings import get_string_id
from spacy.tokens import Doc

from seqpipe.adapters import (
    DecisionPipe,
    EmbedderVectors,
    TaskPipe,
    WidePipe,
    WordTokenizer,
    encoders_in,
    input_shims,
    inputs_of_head,
)
from seqpipe.errors import ExportError
from seqpipe.export._heads import check_head
from seqpipe.messages import listed
from seqpipe.parts.chunks import Allowed, allowed_tags
from seqpipe.parts.classifiers import NGramClassifier
from seqpipe.parts.embedders import VectorTable, vector_tables
from seqpipe.parts.encoders import Encoder
from seqpipe.parts.heads import Head
from seqpipe.parts.tokenizers import Characters, Regex, Whitespace
from seqpipe.tasks.words import TokenLabels

#: The kinds of components, in the order in which the reader has them work.
_ORDER: Final = ("encoder", "head", "wide", "decision")
#: spaCy's, where a component's config has none.
_DEFAULT_THRESHOLD: Final = 0.5


@dataclass(frozen=True, eq=False)
class Wide:
    """A classifier beside a head.

    Attributes:
        classifier: The classifier.
        weights: How much the logarithms of the head's scores count, and of the classifier's.
    """

    classifier: NGramClassifier
    weights: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Tuned:
    """Offsets that are added to the vectors of words.

    Attributes:
        words: The words.
        offsets: Theirs, `[K, columns]`.
        start: The first of the columns.
    """

    words: list[str]
    offsets: NDArray[np.float32]
    start: int


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a pipeline.

    Attributes:
        tokenizer: How texts become words: "kind", and what belongs to that.
        tables: The vectors of words, those side by side in their order.
        tuned: What's added to them, if anything.
        encoder: The encoder.
        head: The head.
        labels: The names of its outputs.
        thresholds: From which score on each label is decided on; of exclusive classes, the best one.
        allowed: Which labels of words may stand where, if their scheme says it.
        wide: What's mixed into the scores, if anything.
        temperature: What logits are divided by in the end; None for nothing.
    """

    tokenizer: dict[str, str]
    tables: list[VectorTable]
    tuned: Tuned | None
    encoder: Encoder
    head: Head
    labels: tuple[str, ...]
    thresholds: list[float]
    allowed: Allowed | None = None
    wide: Wide | None = None
    temperature: float | None = None


def parts_of(nlp: Language) -> Parts:
    """Return the parts of a pipeline.

    Raises:
        ExportError: One can't be exported; the message names it.
    """
    head_pipe, wide, decision, encoding = _components(nlp)
    head = _head(nlp, head_pipe)
    module = _encoder(encoding)
    labels = tuple(head_pipe.labels)
    thresholds = [_threshold(head_pipe, head)] * len(labels)
    temperature = None
    for pipe in (wide, decision):
        if pipe is None:
            continue
        if tuple(pipe.labels) != labels or pipe.is_exclusive != getattr(head, "exclusive", None):
            raise ExportError(
                f"the component {pipe.name!r} can't be exported: it has other labels than the head, or only one of both is for "
                "exclusive classes"
            )
    if decision is not None:
        temperature = float(decision.temperature)
        thresholds = [
            (decision.abstain_below or 0.0)
            if decision.is_exclusive
            else decision.threshold_of(label)
            for label in labels
        ]
    return Parts(
        _tokenizer(nlp),
        vector_tables(_embedder(nlp).embedder),
        _tuned(nlp, module),
        module.encoder,
        head,
        labels,
        thresholds,
        _allowed(head_pipe, labels),
        None if wide is None else _wide(wide),
        temperature,
    )


def _threshold(pipe: Any, head: Head) -> float:
    """Return from which score on a head's labels are predicted; 0 where it's the best one anyway."""
    if getattr(head, "exclusive", True):
        return 0.0
    threshold = pipe.cfg["threshold"]
    return _DEFAULT_THRESHOLD if threshold is None else float(threshold)


def _components(nlp: Language) -> tuple[Any, WidePipe | None, DecisionPipe | None, Any]:
    """Return the component with the head, those behind it, and the one with the encoder."""
    kinds = [_kind(name, pipe) for name, pipe in nlp.pipeline]
    heads, wides, decisions = (
        [pipe for (_, pipe), kind in zip(nlp.pipeline, kinds, strict=True) if kind == wanted]
        for wanted in _ORDER[1:]
    )
    encoding = [pipe for _, pipe in nlp.pipeline if encoders_in(pipe)]
    if len(heads) != 1 or not encoding:
        raise ExportError(
            f"{_whole(nlp)} can't be exported: it should have one head for classes of texts or labels of words, on an encoder, "
            f"and has {len(heads)}" + ("" if encoding else " and no encoder of seqpipe's")
        )
    encoders = sum(len(encoders_in(pipe)) for pipe in encoding)
    for kind, count in zip(_ORDER, (encoders, 1, len(wides), len(decisions)), strict=True):
        if count > 1:
            raise ExportError(
                f"{_whole(nlp)} can't be exported: it has {count} components of the kind {kind}, and one at most can be exported"
            )
    if kinds != sorted(kinds, key=_ORDER.index):
        raise ExportError(
            f"{_whole(nlp)} can't be exported in this order, only in that of {listed(_ORDER)}"
        )
    return heads[0], next(iter(wides), None), next(iter(decisions), None), encoding[0]


def _kind(name: str, pipe: object) -> str:
    """Return what of `_ORDER` a component is."""
    if isinstance(pipe, TextCategorizer) or _labels_words(pipe):
        return "head"
    if isinstance(pipe, WidePipe):
        return "wide"
    if isinstance(pipe, DecisionPipe):
        return "decision"
    if encoders_in(pipe):
        return "encoder"
    raise ExportError(f"{_component(name, pipe)} can't be exported")


def _whole(nlp: Language) -> str:
    return f"the pipeline ({', '.join(nlp.pipe_names) or 'no components'})"


def _labels_words(pipe: object) -> bool:
    return isinstance(pipe, TaskPipe) and type(pipe.task) is TokenLabels


def _component(name: str, pipe: object) -> str:
    task = f" with the task {type(pipe.task).__name__}" if isinstance(pipe, TaskPipe) else ""
    return f"the component {name!r}, a {type(pipe).__name__}{task},"


def _head(nlp: Language, pipe: Any) -> Head:
    head, _ = inputs_of_head(pipe, Doc(nlp.vocab))
    if head is None:
        raise ExportError(
            f"{_component(pipe.name, pipe)} can't be exported: its model has no head of seqpipe's"
        )
    check_head(head)
    return cast(Head, head)


def _encoder(pipe: Any) -> Any:
    """Return the encoder with what it takes beside the vocabulary's vectors, which is to be nothing but offsets to them."""
    module: Any = encoders_in(pipe)[0].module
    beside = {
        "trained_width": module.trained is not None,
        "characters": module.characters is not None,
        "language_models, gazetteers or lexicon": bool(input_shims(pipe)),
    }
    for setting, is_there in beside.items():
        if is_there:
            raise ExportError(
                f"the inputs of the encoder by {setting} can't be exported, only vectors of an embedder: train without them"
            )
    return module


def _embedder(nlp: Language) -> EmbedderVectors:
    vectors = nlp.vocab.vectors
    if not isinstance(vectors, EmbedderVectors):
        raise ExportError(
            f"the pipeline's vectors, a {type(vectors).__name__} of spaCy's, can't be exported, only those of an embedder"
        )
    return vectors


def _tuned(nlp: Language, module: Any) -> Tuned | None:
    if module.offsets is None:
        return None
    words = list(_embedder(nlp).embedder.vocabulary)
    # As the offsets know them: hashes without their last bit.
    hashes = np.fromiter((get_string_id(word) >> 1 for word in words), np.int64, len(words))
    known = module.offsets.keys.cpu().numpy()
    places = np.searchsorted(known, hashes).clip(max=len(known) - 1)
    is_tuned = known[places] == hashes
    with torch.no_grad():
        offsets = module.offsets.weight.cpu().numpy()[places[is_tuned]]
    tuned = [word for word, is_one in zip(words, is_tuned.tolist(), strict=True) if is_one]
    return Tuned(tuned, offsets.astype(np.float32), module.offsets.columns.start)


def _tokenizer(nlp: Language) -> dict[str, str]:
    tokenizer = nlp.tokenizer
    tokenize = tokenizer.tokenize if isinstance(tokenizer, WordTokenizer) else tokenizer
    if type(tokenize) is Regex:
        return {"kind": "regex", "pattern": tokenize.pattern}
    kinds: dict[type, str] = {Whitespace: "whitespace", Characters: "characters"}
    if type(tokenize) in kinds:
        return {"kind": kinds[type(tokenize)]}
    kind = type(tokenize)
    return {
        "kind": "words",
        "reason": f"the pipeline's tokenizer, {kind.__module__}.{kind.__name__}, isn't in the reader",
    }


def _allowed(pipe: Any, labels: Sequence[str]) -> Allowed | None:
    scheme = (
        pipe.task.scheme
        if isinstance(pipe, TaskPipe) and isinstance(pipe.task, TokenLabels)
        else None
    )
    return None if scheme is None else allowed_tags(labels, scheme)


def _wide(pipe: WidePipe) -> Wide:
    classifier = pipe.classifier
    if not isinstance(classifier, NGramClassifier):
        raise ExportError(
            f"the component {pipe.name!r} with the classifier {type(classifier).__name__} can't be exported, only with "
            "seqpipe.NGramClassifier.v1"
        )
    before, own = pipe.weights
    return Wide(classifier, (float(before), float(own)))
