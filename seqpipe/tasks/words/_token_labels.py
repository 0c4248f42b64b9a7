"""A label for each word, such as its part of speech."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final, Literal, final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc, Token
from spacy.training import Example
from torch import Tensor

from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import Row, Scheme, allowed_tags
from seqpipe.tasks import Task
from seqpipe.tasks.words._decode import decode
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
        scheme: How labels mark chunks, so that only sequences are predicted which it allows: "IO", "IOB1", "BIO" or "BIOES" (which
            BMES and BILOU are too). None: they don't.

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
        if scheme is not None and scheme not in get_args(Scheme):
            raise ConfigError(
                f"`scheme` is {scheme!r}; it may be one of {', '.join(get_args(Scheme))}, or null",
                setting="scheme",
            )
        self.tags = tags
        self.attribute = attribute
        self.scheme = scheme

    def annotate(self, doc: Doc, row: Row, labels: Sequence[str]) -> None:
        """Write the tags of a row on the doc's tokens."""
        if row.words is None or not row.tags:
            raise DataError(
                f"{row.source} has no tags of words; name a reader that gives some, such as seqpipe.Columns.v1 or "
                "seqpipe.ConllU.v1"
            )
        check_words(doc, row)
        for token, tag in zip(doc, self._tags(row), strict=True):
            if tag is not None:
                self._set(token, tag, row)

    def _tags(self, row: Row) -> Sequence[str | None]:
        name = self.tags or next(iter(row.tags))
        if name in row.tags and (self.tags or len(row.tags) == 1):
            return row.tags[name]
        there = ", ".join(f'"{each}"' for each in row.tags)
        raise DataError(
            f"{row.source} has the tags {there}: say by `tags` in [task] which of them are learnt"
        )

    def _set(self, token: Token, label: str, row: Row | None = None) -> None:
        if self.attribute == "tag":
            token.tag_ = label
        elif self.attribute == "morph":
            token.set_morph(label)
        elif self.attribute != "pos":
            token._.set(self._own_name(), label)
        else:
            try:
                token.pos_ = label
            except ValueError as error:
                place = f"{row.source}: its word {token.i + 1}" if row else repr(token.text)
                raise DataError(
                    f'{place} has the tag "{label}", which is no part of speech of Universal Dependencies, as '
                    '`token.pos_` needs: set `attribute = "tag"` in [task]'
                ) from error

    def _own_name(self) -> str:
        name = self.attribute.removeprefix(_OWN)
        if not Token.has_extension(name):
            Token.set_extension(name, default=None)
        return name

    def _get(self, token: Token) -> str:
        """Return the label of a token, empty where it has none."""
        if self.attribute == "tag":
            return str(token.tag_)
        if self.attribute == "pos":
            return str(token.pos_)
        if self.attribute == "morph":
            return str(token.morph) if token.has_morph() else ""
        return token._.get(self._own_name()) or ""

    def labels(self, docs: Iterable[Doc]) -> Sequence[str]:
        """Return all labels, sorted; see `Task.labels`."""
        found = sorted({self._get(token) for doc in docs for token in doc} - {""})
        if not found:
            raise DataError("there's nothing to learn: no word has a label")
        return found

    def truths(self, docs: Sequence[Doc], labels: Sequence[str]) -> Tensor:
        """Return the number of each word's label, `[N]`, int64; -1 where it's unknown, or none of the labels."""
        numbers = {label: number for number, label in enumerate(labels)}
        found = [numbers.get(self._get(token), -1) for doc in docs for token in doc]
        return torch.tensor(found, dtype=torch.int64)

    def set_predictions(
        self, docs: Sequence[Doc], scores: NDArray[np.float32], labels: Sequence[str]
    ) -> None:
        """Write the likeliest labels on the docs' tokens; with a scheme, the likeliest ones that it allows."""
        allowed = None if self.scheme is None else allowed_tags(labels, self.scheme)
        for doc, numbers in zip(docs, decode(docs, scores, allowed), strict=True):
            for token, number in zip(doc, numbers.tolist(), strict=True):
                self._set(token, labels[number])

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


def check_words(doc: Doc, row: Row) -> None:
    """Check that a doc has the words of its row.

    Raises:
        DataError: It hasn't.
    """
    if row.words is not None and row.words != tuple(token.text for token in doc):
        raise DataError(
            f"{row.source} comes in {len(row.words)} words, and its doc has {len(doc)} tokens, or other ones"
        )
