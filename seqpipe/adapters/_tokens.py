"""The hashes and vectors of docs' tokens, which an encoder reads: found once for each doc while a pipeline is trained."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import LOWER, ORTH
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy.vectors import Mode, Vectors
from spacy.vocab import Vocab

from seqpipe.adapters._pairs import text_lengths
from seqpipe.adapters._vectors import EmbedderVectors, KeptVectors
from seqpipe.errors import ConfigError

#: Of how many tokens at most something is kept: about 130 MB with the docs, which live as long.
_KEPT_TOKENS: Final = 2**20
#: How many tokens a doc counts for beside its own: spaCy takes some kilobytes for an empty one.
_OF_EACH_DOC: Final = 40


@dataclass(eq=False)
class Tokens:
    """What's known of the tokens of a doc.

    Attributes:
        doc: The doc; as long as it lives no other has its `id`.
        hashes: Those of the tokens and of their lower-cased forms, `[2, N]`.
        total: The sum of the hashes of the tokens.
        place: Where their vectors are kept: what keeps them, and the rows there, `[N]`. None if that isn't known.
    """

    doc: Doc
    hashes: NDArray[np.uint64]
    total: int
    place: tuple[KeptVectors, NDArray[np.int64]] | None = None


class _Kept:
    """The tokens of docs, by the `id` of the doc."""

    def __init__(self) -> None:
        self.of_docs: dict[int, Tokens] = {}
        self._count = 0

    def add(self, new: Sequence[Tokens]) -> None:
        """Keep the tokens of more docs; if that's too many, of these alone."""
        count = sum(each.hashes.shape[1] + _OF_EACH_DOC for each in new)
        if self._count + count > _KEPT_TOKENS:
            self.of_docs, self._count = {}, 0
        self.of_docs.update((id(each.doc), each) for each in new)
        self._count += count


#: In `keeping_tokens`, what's kept.
_kept: _Kept | None = None


@contextlib.contextmanager
def keeping_tokens() -> Iterator[None]:
    """Have the tokens of each doc read once meanwhile, and spaCy's listeners know a batch by what's read.

    The number that they know it by is the sum of the hashes of all tokens. spaCy computes it twice in each update, and makes
    an object of each token for that.
    """
    global _kept
    before = vars(Tok2VecListener)["get_batch_id"]
    Tok2VecListener.get_batch_id = staticmethod(_sum_of_hashes)
    _kept = _Kept()
    try:
        yield
    finally:
        Tok2VecListener.get_batch_id = before
        _kept = None


def hashes_of(tokens: Sequence[Tokens]) -> NDArray[np.uint64]:
    """Return the hashes of all tokens and of their lower-cased forms, `[2, N]`."""
    return np.concatenate([each.hashes for each in tokens], axis=1)


def distinct_words(
    tokens: Sequence[Tokens],
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hashes of the distinct words, as `hashes_of` does, `[2, words]`, and which one each token is, `[N]`."""
    hashes = hashes_of(tokens)
    _, first, places = np.unique(hashes[0], return_index=True, return_inverse=True)
    return hashes[:, first], places


def are_of_words(vocab: Vocab) -> bool:
    """Say whether the vocabulary's vectors are of words as they stand, wherever that is.

    A table of spaCy's may be of another form, and an embedder may look at the words around.
    """
    table = vocab.vectors
    if isinstance(table, EmbedderVectors) and table.is_contextual:
        return False
    return bool(getattr(table, "attr", ORTH) == ORTH)


def read_tokens(docs: Sequence[Doc]) -> list[Tokens]:
    """Return what's known of the tokens of docs."""
    known = {} if _kept is None else _kept.of_docs
    found = [known.get(id(doc)) for doc in docs]
    tokens = [
        # The tokens of a doc change only if some are merged or split, and hardly ever both at once.
        old if old is not None and old.hashes.shape[1] == len(doc) else _read(doc)
        for old, doc in zip(found, docs, strict=True)
    ]
    new = [each for each, old in zip(tokens, found, strict=True) if each is not old]
    if new and _kept is not None:
        _kept.add(new)
    return tokens


def _read(doc: Doc) -> Tokens:
    hashes = np.ascontiguousarray(doc.to_array([ORTH, LOWER]).reshape(-1, 2).T)
    # The sum of whole hashes has more than 64 bits.
    high, low = hashes[0] >> np.uint64(32), hashes[0] & np.uint64(2**32 - 1)
    return Tokens(doc, hashes, (int(high.sum()) << 32) + int(low.sum()))


def _sum_of_hashes(docs: Iterable[Doc]) -> int:
    return sum(tokens.total for tokens in read_tokens(list(docs)))


def vectors_of_tokens(tokens: Sequence[Tokens], *, width: int) -> NDArray[np.float32]:
    """Return the vocabulary's vector of each token, `[N, width]`; zeros where it has none.

    Raises:
        ConfigError: The vocabulary's vectors have another width.
    """
    if not width:
        return np.zeros((sum(each.hashes.shape[1] for each in tokens), 0), dtype="float32")
    vocab = tokens[0].doc.vocab
    table = vocab.vectors
    if isinstance(table, EmbedderVectors) and table.is_contextual:
        in_context = np.concatenate([_in_context(table, each.doc) for each in tokens])
        _check_width(in_context, width)
        return in_context
    kept = table.kept if isinstance(table, EmbedderVectors) else None
    vectors = None if kept is None else _kept_vectors(kept, tokens)
    if vectors is None:
        as_they_stand = are_of_words(vocab)
        hashes = [t.hashes[0] if as_they_stand else t.doc.to_array(table.attr) for t in tokens]
        keys, index = np.unique(np.concatenate(hashes), return_inverse=True)
        return vectors_of_words(vocab, keys, width=width).take(index, axis=0)
    _check_width(vectors, width)
    return vectors


def _in_context(table: EmbedderVectors, doc: Doc) -> NDArray[np.float32]:
    """Return the vectors of a doc's tokens, `[N, width]`; of a pair, each text is read by itself."""
    words = [token.text for token in doc]
    first = text_lengths(doc)[0]
    return np.concatenate([table.of_text(words[:first]), table.of_text(words[first:])])


def vectors_of_words(vocab: Vocab, keys: NDArray[np.uint64], *, width: int) -> NDArray[np.float32]:
    """Return the vocabulary's vectors of words, `[len(keys), width]`; zeros where it has none.

    Raises:
        ConfigError: The vocabulary's vectors have another width.
    """
    if not width:
        return np.zeros((len(keys), 0), dtype="float32")
    vectors = vectors_of(vocab, keys)
    _check_width(vectors, width)
    return vectors


def _kept_vectors(kept: KeptVectors, tokens: Sequence[Tokens]) -> NDArray[np.float32] | None:
    """Return the vectors of tokens, `[N, width]`; None if there's no room to keep all of them."""
    new = [each for each in tokens if each.place is None or each.place[0] is not kept]
    if new:
        rows = kept.rows_of(np.concatenate([each.hashes[0] for each in new]))
        if rows is None:
            return None
        ends = np.cumsum([each.hashes.shape[1] for each in new])
        for each, its_rows in zip(new, np.split(rows, ends[:-1]), strict=True):
            each.place = kept, its_rows
    return kept.vectors.take(np.concatenate([t.place[1] for t in tokens if t.place]), axis=0)


def vectors_of(vocab: Vocab, keys: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Return the vocabulary's vectors of some words, `[len(keys), width]`; zeros where it has none."""
    table = vocab.vectors
    if isinstance(table, EmbedderVectors):
        return table.of_words(keys)
    if not isinstance(table, Vectors) or table.mode == Mode.floret:
        return np.asarray(table.get_batch(keys), dtype="float32")
    rows = np.asarray(table.find(keys=keys))
    known = rows >= 0
    vectors = np.zeros((len(keys), table.shape[1]), dtype="float32")
    vectors[known] = table.data[rows[known]]
    return vectors


def _check_width(vectors: NDArray[np.float32], width: int) -> None:
    found = vectors.shape[1]
    if found == width:
        return
    there = f"vectors of width {found}" if found else "no vectors"
    raise ConfigError(
        f"the vocabulary has {there}, and this encoder was trained on ones of width {width}: give it "
        "those of the pipeline that the encoder comes from (nlp.vocab.vectors = source.vocab.vectors), "
        "or begin with that pipeline (spacy.load) and remove the components that aren't needed"
    )
