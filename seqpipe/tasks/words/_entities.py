"""Entities: labelled pieces of a text that don't overlap, as spaCy has them in `doc.ents`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example
from torch import Tensor

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.chunks import OUTSIDE, Chunk, allowed_tags, chunk_tags, read_chunks
from seqpipe.parts.readers import Row
from seqpipe.parts.readers import Span as TextSpan
from seqpipe.tasks import Field, Judgement, Task, Wanted, rounded
from seqpipe.tasks.words._decode import check_words, decode, words_in
from seqpipe.tasks.words._scores import score_found

_Alignment = Literal["strict", "contract", "expand"]
_LETTERS = "BIES"
_CONFIDENCE = "confidence"
_LEAST_WEIGHT = 1e-6

# As soon as the module is imported, which a worker that unpickles a pipeline does.
if not Span.has_extension(_CONFIDENCE):
    Span.set_extension(_CONFIDENCE, default=None)


@final
class Entities(Task):
    """Finds the entities of a text, from the spans that rows have.

    Each word has a tag in the scheme BIOES, whatever the data has, and only sequences are predicted that mean
    entities. They become `doc.ents`; `ent._.confidence` is the lowest of the probabilities of its words' tags.
    They also stand in `doc.spans`, with these numbers as the attribute "scores" of the group, as spaCy's span categorizer has it.

    Args:
        spans_key: The key in `doc.spans`.
        alignment: What's done with a span that begins or ends inside a word: "strict", it's an error; "contract",
            it's made of the words that lie in it; "expand", of those that it touches.
        outside_weight: What the probability that a word lies in no entity is multiplied by when entities are chosen: values
            below 1 raise recall at the cost of precision. Confidences aren't changed.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    main_figure: ClassVar[str] = "f"
    options: ClassVar[frozenset[str]] = frozenset({"threshold"})

    def __init__(
        self,
        *,
        spans_key: str = "entities",
        alignment: _Alignment = "strict",
        outside_weight: float = 1.0,
    ) -> None:
        if alignment not in get_args(_Alignment):
            raise ConfigError(
                f"`alignment` is {alignment!r}; it may be {', '.join(get_args(_Alignment))}",
                setting="alignment",
            )
        if not _LEAST_WEIGHT <= outside_weight <= 1 / _LEAST_WEIGHT:
            raise ConfigError(
                f"`outside_weight` is {outside_weight}; it must be from {_LEAST_WEIGHT} to {1 / _LEAST_WEIGHT:.0f}",
                setting="outside_weight",
            )
        self.spans_key = spans_key
        self.alignment = alignment
        self.outside_weight = outside_weight

    def annotate(self, doc: Doc, row: Row, labels: Sequence[str]) -> None:
        """Write the spans of a row into `doc.ents`."""
        if row.spans is None:
            raise DataError(
                f"{row.source} has no entities marked: name a reader that gives them, such as seqpipe.Columns.v1, and by "
                "its `entities` the tags that say where they are, if it doesn't find them (all of them have to be such as "
                '"B-PER", "I-PER" or "O"); or the key that has them by `spans` of seqpipe.Jsonl.v1'
            )
        check_words(doc, row)
        found: list[Span] = []
        for span in sorted(row.spans):
            entity = self._entity(doc, row, span)
            if entity is None:
                continue
            if found and entity.start < found[-1].end:
                raise DataError(
                    f"{row.source} has entities that overlap, {_shown(found[-1])} and {_shown(entity)}: "
                    "keep one of them"
                )
            found.append(entity)
        doc.set_ents(found, default="outside")

    def _entity(self, doc: Doc, row: Row, span: TextSpan) -> Span | None:
        """Return the span of a doc's words; None if it's contracted to nothing."""
        start, end, label = span
        entity = doc.char_span(start, end, label, alignment_mode=self.alignment)
        if entity is None and self.alignment == "strict":
            words = doc.char_span(start, end, alignment_mode="expand")
            raise DataError(
                f"{row.source} has a span from {start} to {end}, {doc.text[start:end]!r}, which begins or ends inside a word "
                f"or a blank ({str(words)!r} has whole words): mend it, choose another tokenizer, or set "
                '`alignment = "expand"` in [task]'
            )
        if entity is None:
            return None
        words = [token.i for token in entity if not token.is_space]
        # White space at its ends is no part of an entity.
        return Span(doc, words[0], words[-1] + 1, label) if words else None

    def labels(self, docs: Iterable[Doc]) -> Sequence[str]:
        """Return "O" and the tags of BIOES that the docs' entities need, sorted; see `Task.labels`.

        An entity whose length needs another tag of its label, such as three words where all had two, can't be predicted.
        """
        found = {tag for doc in docs for tag in _tags(doc) if tag} - {OUTSIDE}
        if not found:
            raise DataError("there's nothing to learn: no text has an entity")
        return [OUTSIDE, *sorted(found, key=lambda tag: (tag[2:], _LETTERS.index(tag[0])))]

    def truths(self, docs: Sequence[Doc], labels: Sequence[str]) -> Tensor:
        """Return the number of each token's tag, `[N]`, int64; -1 where it's unknown, none of the labels, or white space."""
        numbers = {label: number for number, label in enumerate(labels)}
        found = [numbers.get(tag, -1) for doc in docs for tag in _tags(doc)]
        return torch.tensor(found, dtype=torch.int64)

    def set_predictions(
        self, docs: Sequence[Doc], scores: NDArray[np.float32], labels: Sequence[str]
    ) -> None:
        """Write the likeliest entities into `doc.ents` and `doc.spans`."""
        weights = np.ones(len(labels))
        weights[list(labels).index(OUTSIDE)] = self.outside_weight
        found = decode(docs, scores, allowed_tags(labels, "BIOES"), weights)
        for doc, (places, numbers, chosen) in zip(docs, found, strict=True):
            chunks = read_chunks([labels[number] for number in numbers.tolist()], "BIOES")
            entities = [Span(doc, places[c.start], places[c.end - 1] + 1, c.label) for c in chunks]
            confidences = [float(chosen[c.start : c.end].min()) for c in chunks]
            doc.set_ents(entities, default="outside")
            for entity, confidence in zip(entities, confidences, strict=True):
                entity._.set(_CONFIDENCE, confidence)
            group = SpanGroup(doc, name=self.spans_key, spans=entities)
            group.attrs["scores"] = np.array(confidences, dtype="float32")
            doc.spans[self.spans_key] = group

    def score(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return precision, recall and F of entities: one is found if its place and label are right.

        Texts count whose entities are known. The figures are those of seqeval, and of the script of CoNLL 2003.
        """
        known = [e for e in examples if e.reference.has_annotation("ENT_IOB")]
        return score_found((_by_place(e.reference), _by_place(e.predicted)) for e in known)

    def fields(self, labels: Sequence[str], wanted: Wanted) -> Sequence[Field]:
        """Return "entities"."""
        return [Field("entities", "spans", "the entities, in the order of the text")]

    def output(self, doc: Doc, labels: Sequence[str], wanted: Wanted) -> Mapping[str, Any]:
        """Return the entities whose confidence reaches the threshold; their places count characters."""
        entities = [
            {
                "start": entity.start_char,
                "end": entity.end_char,
                "text": entity.text,
                "label": entity.label_,
                "confidence": rounded(score),
            }
            for entity, score in self._found(doc)
            if score >= (wanted.threshold or 0.0)
        ]
        return {"entities": entities}

    def _found(self, doc: Doc) -> list[tuple[Span, float]]:
        """Return the predicted entities of a doc, each with its confidence."""
        group = doc.spans.get(self.spans_key)
        return [] if group is None else list(zip(group, group.attrs["scores"], strict=True))

    def judge(self, example: Example, labels: Sequence[str]) -> Judgement | None:
        """Return the entities that are missed and those that are none; the error is their number."""
        if not example.reference.has_annotation("ENT_IOB"):
            return None
        truths, said = _by_place(example.reference), _by_place(example.predicted)
        text = example.reference.text
        missed, spurious = (
            [
                f"{text[start:end]} ({label})"
                for (start, end), label in one.items()
                if other.get((start, end)) != label
            ]
            for one, other in ((truths, said), (said, truths))
        )
        return Judgement(missed, spurious, float(len(missed) + len(spurious)))

    def sample(self) -> Sequence[Row]:
        """Return two rows with entities."""
        return [
            Row("Ada Byron wrote", (), "sample:1", spans=(TextSpan(0, 9, "PER"),)),
            Row(
                "from London to Paris",
                (),
                "sample:2",
                spans=(TextSpan(5, 11, "LOC"), TextSpan(15, 20, "LOC")),
            ),
        ]

    def strata(self, row: Row) -> Sequence[str]:
        """Return none: a text may fall to any part of the data."""
        return ()


def _tags(doc: Doc) -> list[str]:
    """Return each token's tag in BIOES, empty where it's unknown; white space has none."""
    words = words_in(doc)
    numbers = {place: number for number, place in enumerate(words)}
    chunks = []
    for entity in doc.ents:
        inside = [numbers[token.i] for token in entity if token.i in numbers]
        if inside:
            chunks.append(Chunk(inside[0], inside[-1] + 1, entity.label_))
    tags = [""] * len(doc)
    for place, tag in zip(words, chunk_tags(chunks, len(words)), strict=True):
        tags[place] = tag if doc[place].ent_iob else ""
    return tags


def _by_place(doc: Doc) -> Mapping[Any, str]:
    return {(entity.start_char, entity.end_char): entity.label_ for entity in doc.ents}


def _shown(entity: Span) -> str:
    return f'"{entity.text}" ({entity.label_})'
