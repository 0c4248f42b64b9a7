"""What an embedding is fitted on, from the rows or the stream of a data set."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from seqpipe.adapters._contract import broken, calling, read_rows
from seqpipe.adapters._tokenizer import WordTokenizer, fit_tokenizer, tokenized
from seqpipe.errors import ConfigError
from seqpipe.parts.readers import Reader, Stream

_WHOLE: Final = "data"
_BITS: Final = 64


class SequenceCorpus:
    """One part of a data set as sequences of words, read anew each time, so never all in memory.

    A part with a reader of its own is what that reads. Other parts are drawn from the reader of the
    whole, or, where there's none, from that of the train part: by a hash of what a sequence holds, so
    that equal ones go to the same part whatever else is in the data.

    Args:
        readers: The readers by part; that of the whole is called "data".
        part: Which part this is.
        fractions: The share of each part that's drawn. They add up to 1 at most.
        seed: Decides the draw.
        limit: How many examples are made of it at most; 0 for no limit.

    Raises:
        ConfigError: Nothing says where the part comes from, or the shares can't be used.
    """

    def __init__(
        self,
        readers: Mapping[str, Reader | Stream],
        *,
        part: str,
        fractions: Mapping[str, float],
        seed: int,
        limit: int = 0,
    ) -> None:
        whole = _WHOLE if _WHOLE in readers else "train"
        shared = part == whole or part not in readers
        if shared and whole not in readers:
            raise ConfigError(f"[data] says nothing of where its {part!r} part comes from")
        self._part = part
        self._reader = readers[whole if shared else part]
        self._seed = seed
        self._limit = limit
        drawn = {
            name: share for name, share in fractions.items() if name not in readers or name == whole
        }
        self._range = _range(drawn, part, total=sum(fractions.values())) if shared else (0.0, 1.0)

    def sequences(self, nlp: Language) -> Iterator[Sequence[str]]:
        """Yield the words of one document after another; white space is none.

        A tokenizer that learns, and hasn't yet, is fitted on the texts of the train part before.

        Raises:
            DataError: As the reader.
        """
        for item in self._drawn():
            if isinstance(item, str):
                self._fit_tokenizer(nlp)
                yield words_of(nlp, item)
            else:
                yield item

    def texts(self) -> Iterator[str]:
        """Yield one document after another as a text; the words of one that comes in words are joined by blanks.

        Raises:
            DataError: As the reader.
        """
        for item in self._drawn():
            yield item if isinstance(item, str) else " ".join(item)

    def _drawn(self) -> Iterator[str | Sequence[str]]:
        for item in _items(self._reader):
            _check_item(self._reader, item)
            if self._is_drawn(item):
                yield item

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Yield the documents as the examples that spaCy's corpora give; a text keeps its white space.

        Raises:
            DataError: As the reader.
        """
        for item in islice(self._drawn(), self._limit or None):
            if isinstance(item, str):
                self._fit_tokenizer(nlp)
                # Not `nlp.make_doc`, which refuses long texts.
                doc = tokenized(nlp.tokenizer, item)
            else:
                doc = Doc(nlp.vocab, words=list(item))
            yield Example(doc, doc.copy())

    def _fit_tokenizer(self, nlp: Language) -> None:
        if self._part == "train":
            fit_tokenizer(nlp, lambda: (t for t in self._drawn() if isinstance(t, str)))

    def _is_drawn(self, item: str | Sequence[str]) -> bool:
        low, high = self._range
        if (low, high) == (0.0, 1.0):
            return True
        return low <= _draw(item, self._seed) < high


def words_of(nlp: Language, text: str) -> list[str]:
    """Return the words of a text, as the pipeline's tokenizer splits it, without white space."""
    if isinstance(nlp.tokenizer, WordTokenizer):
        # No doc is needed, which takes more time than the words.
        return nlp.tokenizer.words(text)
    return [token.text for token in tokenized(nlp.tokenizer, text) if not token.is_space]


def make_sequences(
    part: str,
    split: dict[str, float],
    seed: int = 0,
    data: Reader | Stream | None = None,
    train: Reader | Stream | None = None,
    dev: Reader | Stream | None = None,
    test: Reader | Stream | None = None,
    limit: int = 0,
) -> SequenceCorpus:
    """Make one part of a data set; registered as the reader "seqpipe.Sequences.v1".

    Args:
        part: "train", "dev" or "test".
        split: The share of each part that's drawn from `data` (or `train`).
        seed: Decides the draw.
        data: Reads what's split; labels aren't needed.
        train: Reads what's fitted on.
        dev: Reads what's held out to choose by.
        test: Reads what's held out to evaluate on.
        limit: How many examples spaCy gets at most; 0 for no limit. An embedder is fitted on all.
    """
    readers = {_WHOLE: data, "train": train, "dev": dev, "test": test}
    given = {name: reader for name, reader in readers.items() if reader is not None}
    return SequenceCorpus(given, part=part, fractions=split, seed=seed, limit=limit)


def _items(reader: Reader | Stream) -> Iterator[str | Sequence[str]]:
    with calling(reader, "reader", "was read"):
        if isinstance(reader, Stream):
            yield from reader.stream()
        else:
            yield from (row.text for row in read_rows(reader).rows)


def _check_item(reader: Reader | Stream, item: Any) -> None:
    if isinstance(item, str) or (
        isinstance(item, Sequence) and all(isinstance(w, str) for w in item)
    ):
        return
    raise broken(reader, "reader", item, "a text or a list of strings for each document")


def _range(fractions: Mapping[str, float], part: str, *, total: float) -> tuple[float, float]:
    """Return between which numbers in [0, 1) the draws of a part lie."""
    if part not in fractions:
        raise ConfigError(
            f"`split` gives no share to the part {part!r}: write such as split = "
            '{"train": 0.9, "test": 0.1}'
        )
    # The parts that have readers of their own leave their shares to the others.
    scale = total / sum(fractions.values())
    names = list(fractions)
    start = sum(fractions[name] for name in names[: names.index(part)]) * scale
    end = start + fractions[part] * scale
    return start, 1.0 if end > 1 - 1e-9 else end


def _draw(item: str | Sequence[str], seed: int) -> float:
    """Return a number in [0, 1) that a sequence and the seed decide."""
    text = item if isinstance(item, str) else "\n".join(item)
    digest = hashlib.blake2b(
        f"{seed} {text}".encode("utf-8", "surrogatepass"), digest_size=_BITS // 8
    ).digest()
    return float(int.from_bytes(digest, "big") / 2**_BITS)
