"""A label for each word, such as its part of speech."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Literal, final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc, Token
from spacy.training import Example
from torch import Tensor

from seqpipe.errors import ConfigError, DataError
from seqpipe.messages import did_you_mean, nearest
from seqpipe.parts.chunks import SCHEMES, Allowed, ChunkError, Scheme, allowed_tags
from seqpipe.parts.readers import Row
from seqpipe.tasks import Field, Judgement, Task, Wanted
from seqpipe.tasks.words._decode import check_words, decode, words_in
from seqpipe.tasks.words._scores import score_found

#: What of spaCy's tokens a label may be.
_Attribute = Literal["tag", "pos", "morph"]
_ATTRIBUTES: Final = get_args(_Attribute)
_OWN: Final = "_."


@final
class TokenLabels(Task):
    """Gives each word a label, from the tags that rows have.

    Args:
        tags: The name of the tags to learn. None: the only ones that rows have.
        attribute: What the labels become of spaCy's tokens: "tag" (`token.tag_`), "pos" (`token.pos_`), "morph"
            (`token.morph`), or an attribute of yours, such as "_.slot".
        scheme: How labels mark chunks, so that only sequences are predicted which it allows: "IO", "IOB1", "BIO" (or "IOB2"),
            "BIOES", "BMES" or "BILOU". None: they don't.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    main_figure: ClassVar[str] = "accuracy"

    def __init__(
        self,
        *,
        tags: str | None = None,
        attribute: str = "tag",
        scheme: Scheme | None = None,
    ) -> None:
        is_own = attribute.startswith(_OWN) and attribute[len(_OWN) :].isidentifier()
        if attribute not in _ATTRIBUTES and not is_own:
            raise ConfigError(
                f'`attribute` is {attribute!r}; it may be "tag", "pos", "morph", or "_.name" with a name of yours',
                setting="attribute",
            )
        if scheme is not None and scheme not in SCHEMES:
            raise ConfigError(
                f"`scheme` is {scheme!r}; it may be one of {', '.join(SCHEMES)}, or null",
                setting="scheme",
            )
        self.tags = tags
        self.attribute = attribute
        self.scheme = scheme
        self._register()

    def _register(self) -> None:
        if self.attribute not in _ATTRIBUTES and not Token.has_extension(self._own_name):
            Token.set_extension(self._own_name, default=None)

    @property
    def _own_name(self) -> str:
        return self.attribute.removeprefix(_OWN)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a pickled task: its attribute is registered in this process too."""
        self.__dict__.update(state)
        self._register()

    def annotate(self, doc: Doc, row: Row, labels: Sequence[str]) -> None:
        """Write the tags of a row on the doc's tokens; those that a row lacks are unknown."""
        if row.words is None:
            raise DataError(
                f"{row.source} has no tags of words: name a reader that gives some, such as seqpipe.Columns.v1 or "
                "seqpipe.ConllU.v1"
            )
        check_words(doc, row)
        for token, tag in zip(doc, self._tags(row), strict=True):
            if tag is not None and not token.is_space:
                self._set(token, tag, row)

    def _tags(self, row: Row) -> Sequence[str | None]:
        if self.tags is None and len(row.tags) > 1:
            raise DataError(f"{row.source} has {_several(row.tags)}")
        name = self.tags or next(iter(row.tags), "")
        return row.tags.get(name, [None] * len(row.words or ()))

    def check(self, parts: Mapping[str, Sequence[Row]]) -> Sequence[str]:
        """Check that all rows mean the same by their tags.

        Raises:
            DataError: Rows have tags of several names and `tags` says none of them, or no row has those that it says.
        """
        names = dict.fromkeys(name for rows in parts.values() for row in rows for name in row.tags)
        if self.tags is None and len(names) > 1:
            raise DataError(f"the data has {_several(names)}")
        if self.tags is not None and names and self.tags not in names:
            meant = did_you_mean(nearest(self.tags, names))
            raise DataError(
                f'no row has the tags "{self.tags}" that [task] names, only {_listed(names)}'
                + (f"; {meant}" if meant else "")
            )
        return ()

    def _set(self, token: Token, label: str, row: Row | None = None) -> None:
        if self.attribute == "tag":
            token.tag_ = label
            return
        if self.attribute not in _ATTRIBUTES:
            token._.set(self._own_name, label)
            return
        try:
            if self.attribute == "pos":
                token.pos_ = label
            else:
                token.set_morph(label)
        except ValueError as error:
            place = f"{row.source}: its word {token.i + 1}" if row else repr(token.text)
            what = {
                "pos": "a part of speech of Universal Dependencies, as `token.pos_` needs",
                "morph": 'features such as "Number=Sing", as `token.morph` needs',
            }
            raise DataError(
                f'{place} has the tag "{label}", which isn\'t {what[self.attribute]}: set `attribute = "tag"` in [task]'
            ) from error

    def _get(self, token: Token) -> str:
        """Return the label of a token, empty where it has none."""
        if self.attribute == "tag":
            return str(token.tag_)
        if self.attribute == "pos":
            return str(token.pos_)
        if self.attribute == "morph":
            return str(token.morph) if token.has_morph() else ""
        return token._.get(self._own_name) or ""

    def labels(self, docs: Iterable[Doc]) -> Sequence[str]:
        """Return all labels, sorted; see `Task.labels`."""
        found = sorted({self._get(token) for doc in docs for token in doc} - {""})
        if not found:
            raise DataError("there's nothing to learn: no word has a label")
        self._allowed(found)
        return found

    def _allowed(self, labels: Sequence[str]) -> Allowed | None:
        """Return which labels may stand where.

        Raises:
            DataError: There's a scheme, and labels aren't tags of chunks.
        """
        try:
            return None if self.scheme is None else allowed_tags(labels, self.scheme)
        except ChunkError as error:
            raise DataError(
                f'[task] has `scheme = "{self.scheme}"`, and not all labels are tags of chunks ({error}): remove `scheme`'
            ) from error

    def truths(self, docs: Sequence[Doc], labels: Sequence[str]) -> Tensor:
        """Return the number of each word's label, `[N]`, int64; -1 where it's unknown, or none of the labels."""
        numbers = {label: number for number, label in enumerate(labels)}
        found = [numbers.get(self._get(token), -1) for doc in docs for token in doc]
        return torch.tensor(found, dtype=torch.int64)

    def set_predictions(
        self, docs: Sequence[Doc], scores: NDArray[np.float32], labels: Sequence[str]
    ) -> None:
        """Write the likeliest labels on the docs' tokens; with a scheme, the likeliest ones that it allows."""
        found = decode(docs, scores, self._allowed(labels))
        for doc, (places, numbers, _) in zip(docs, found, strict=True):
            for place, number in zip(places, numbers.tolist(), strict=True):
                self._set(doc[place], labels[number])

    def score(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the share of the words whose label is right, and precision, recall and F of each label.

        Words count whose label is known. One that was split otherwise counts as wrong.
        """
        pairs = [(self._by_place(e.reference), self._by_place(e.predicted)) for e in examples]
        pairs = [
            (truth, {k: v for k, v in said.items() if k in truth}) for truth, said in pairs if truth
        ]
        found = score_found(pairs)
        return {"accuracy": found["recall"], "labels": found["labels"]}

    def _by_place(self, doc: Doc) -> dict[Any, str]:
        places = {(token.idx, token.idx + len(token)): self._get(token) for token in doc}
        return {place: label for place, label in places.items() if label}

    def fields(self, labels: Sequence[str], wanted: Wanted) -> Sequence[Field]:
        """Return "words" and "tags", as many of the one as of the other."""
        return [
            Field("words", "strings", "the words of the text"),
            Field("tags", "strings", "the label of each word"),
        ]

    def output(self, doc: Doc, labels: Sequence[str], wanted: Wanted) -> Mapping[str, Any]:
        """Return the words, white space aside, and their labels."""
        tokens = [doc[place] for place in words_in(doc)]
        return {
            "words": [token.text for token in tokens],
            "tags": [self._get(token) for token in tokens],
        }

    def judge(self, example: Example, labels: Sequence[str]) -> Judgement | None:
        """Return the words whose labels are wrong, with the true labels and the predicted ones; the error is their number."""
        truths, said = self._by_place(example.reference), self._by_place(example.predicted)
        if not truths:
            return None
        wrong = [place for place, label in truths.items() if said.get(place) != label]
        text = example.reference.text
        return Judgement(
            [f"{text[start:end]}: {truths[start, end]}" for start, end in wrong],
            [f"{text[start:end]}: {said.get((start, end), '?')}" for start, end in wrong],
            float(len(wrong)),
        )

    def sample(self) -> Sequence[Row]:
        """Return two rows with parts of speech."""
        tags = {"upos": ("PRON", "VERB")}
        return [
            Row("she sings", (), "sample:1", ("she", "sings"), (True, False), tags),
            Row("they run", (), "sample:2", ("they", "run"), (True, False), tags),
        ]

    def strata(self, row: Row) -> Sequence[str]:
        """Return none: a text may fall to any part of the data."""
        return ()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _several(names: Iterable[str]) -> str:
    return f"the tags {_listed(names)}: say by `tags` in [task] which of them are learnt"
