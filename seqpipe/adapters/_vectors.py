"""An embedder as the vectors of spaCy's vocabulary, as a table of spaCy's, and as vectors of documents."""

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import spacy
import torch
from numpy.typing import NDArray
from spacy.attrs import ORTH
from spacy.language import Language
from spacy.strings import StringStore, get_string_id
from spacy.tokens import Doc
from spacy.vectors import BaseVectors, Vectors
from spacy.vocab import Vocab

from seqpipe import storage
from seqpipe.adapters._contract import (
    calling,
    embed_document,
    embed_in_context,
    embed_words,
    is_contextual,
)
from seqpipe.adapters._packed import pack, unpacked
from seqpipe.adapters._strings import Strings
from seqpipe.errors import ConfigError, DataError, SavedModelError
from seqpipe.parts.embedders import Concatenated, DocumentEmbedder, Embedder

#: Of an embedder that knows more words, a saved pipeline has no table.
MOST_WORDS: Final = 100_000
_STRINGS: Final = "strings.json"


def make_table(embedder: Embedder, strings: StringStore) -> Vectors:
    """Return a table of an embedder's known words, white space left out, whose texts `strings` gets.

    Words that aren't in the table have zeros there, whatever the embedder gives them.
    """
    words = [word for word in embedder.vocabulary if word.strip()]
    keys = [strings.add(word) for word in words]
    data = embedder.embed(words).astype("float32")
    return Vectors(strings=strings, data=data, keys=keys, name="seqpipe")


def save_table(embedder: Embedder, folder: Path, *, lang: str) -> int:
    """Save a pipeline of spaCy's with nothing but the table, which needs no seqpipe to be loaded.

    Args:
        embedder: Fitted.
        folder: Where to; only a model that seqpipe has saved is replaced.
        lang: The pipeline's language.

    Returns:
        How many words it has.

    Raises:
        ConfigError: spaCy knows no such language.
        SavedModelError: It can't be saved there.
    """
    try:
        nlp = spacy.blank(lang)
    except ImportError as error:
        raise ConfigError(f"spaCy has no language {lang!r}; `xx` is for any") from error
    nlp.vocab.vectors = make_table(embedder, nlp.vocab.strings)
    storage.write_folder(folder, nlp.to_disk)
    return len(nlp.vocab.vectors)


def write_table(embedder: Embedder, folder: Path) -> None:
    """Write the table into the folder of a vocabulary, for what reads vectors of spaCy's from there.

    That's what ``[initialize] vectors`` does, with a pipeline that has a vocabulary of its own. Words that the folder's
    list of strings lacks are added to it. The table has no rows if the embedder knows more than `MOST_WORDS`, as
    every save of a training writes it, and every load reads the words' list: `save_table` makes it once.

    Args:
        embedder: Fitted or not.
        folder: Where `strings.json` is, if the vocabulary's strings have been written.
    """
    # Without rows it's written too: another embedder's might stand there.
    if not 0 < len(embedder.vocabulary) <= MOST_WORDS:
        Vectors(strings=StringStore(), name="seqpipe").to_disk(folder, exclude=["strings"])
        return
    strings = StringStore()
    has_strings = (folder / _STRINGS).is_file()
    if has_strings:
        strings.from_disk(folder / _STRINGS)
    make_table(embedder, strings).to_disk(folder, exclude=["strings"])
    if has_strings:
        strings.to_disk(folder / _STRINGS)


_FOLDER = "embedder"
_NOT_FITTED = b""
_NO_TABLE = (
    "these vectors come from an embedder: single ones can't be added or changed, nor can their number. "
    "Put a table of spaCy's in their place first: nlp.vocab.vectors = spacy.vectors.Vectors("
    "strings=nlp.vocab.strings, data=vectors.get_batch(words), keys=words)"
)


class EmbedderVectors(BaseVectors):  # type: ignore[misc]
    """Word vectors that an embedder gives: to every word, those unknown to it too.

    Keys, as spaCy calls the hashes of words, and rows are those of the words that the embedder knows, the
    most frequent first. Two of these are equal if their embedders know the same words and are saved as
    the same bytes; as they can be fitted, they have no hash.

    Args:
        strings: The vocabulary's strings.
        embedder: Gives the vectors; it may be fitted later.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, *, strings: StringStore, embedder: Embedder) -> None:
        self.strings = strings
        self.embedder = embedder
        self.name = "seqpipe"
        self.mode = "seqpipe"
        self.attr = ORTH
        #: The vectors that are kept in `keeping_vectors`.
        self.kept: KeptVectors | None = None
        self._texts = Strings()

    @property
    def strings(self) -> StringStore:
        """The vocabulary's strings, as spaCy set them last."""
        strings: StringStore = self._stores[0]
        return strings

    @strings.setter
    def strings(self, strings: StringStore) -> None:
        # An unpickled vocabulary sets a store that it drops at once for the one pickled with it, which
        # these vectors had before. So none is forgotten: texts go by hashes, whichever store answers.
        stores: list[Any] = getattr(self, "_stores", [])
        self._stores = [strings, *(store for store in stores if store is not strings)]

    def _text(self, key: int | str) -> str:
        if isinstance(key, str):
            return key
        number = int(key)
        text: str = next((s for s in self._stores if number in s), self._stores[0])[number]
        return text

    @property
    def shape(self) -> tuple[int, int]:
        """The number of words with a vector of their own, and the width.

        The width is 0 where an embedder would find it in a file that isn't there: spaCy asks for it before
        it reads the embedder that was saved.
        """
        try:
            return len(self), self.embedder.width
        except DataError:
            return len(self), 0

    @property
    def n_keys(self) -> int:
        """The number of words with a vector of their own."""
        return len(self)

    @property
    def size(self) -> int:
        """The number of values in the table of these words' vectors."""
        return len(self) * self.embedder.width

    @property
    def data(self) -> NDArray[np.float32]:
        """A table without rows: spaCy only looks at what library it belongs to."""
        return np.zeros((0, self.embedder.width), dtype="float32")

    @property
    def vectors_length(self) -> int:
        """The width of a vector."""
        return self.embedder.width

    @property
    def key2row(self) -> dict[int, int]:
        """No rows, as the table has none: spaCy takes the ranks of words from it. See `find`."""
        return {}

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, EmbedderVectors):
            return False
        ours, theirs = self.embedder, other.embedder
        return (
            type(ours) is type(theirs)
            and self.shape == other.shape
            and list(ours.vocabulary) == list(theirs.vocabulary)
            and self.to_bytes() == other.to_bytes()
        )

    def __len__(self) -> int:
        return len(self.embedder.vocabulary)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the keys."""
        return iter(self.keys())

    def keys(self) -> list[int]:
        """Return the keys of the known words; their texts are added to the vocabulary's strings."""
        return [self.strings.add(word) for word in self.embedder.vocabulary]

    def values(self) -> Iterator[NDArray[np.float32]]:
        """Iterate over the vectors of the known words."""
        return iter(self.get_batch(self.embedder.vocabulary))

    def items(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Iterate over the keys and vectors of the known words."""
        return zip(self.keys(), self.values(), strict=True)

    def __contains__(self, key: int | str) -> bool:
        """Say that there's a vector: there is one for every word."""
        return True

    def is_full(self) -> bool:
        """Say that no row is free: vectors can't be added one by one."""
        return True

    def __getitem__(self, key: int | str) -> NDArray[np.float32]:
        """Return the vector of a word, given as text or hash: `[width]`."""
        vector: NDArray[np.float32] = self.get_batch([key])[0]
        return vector

    def get_batch(self, keys: Iterable[int | str]) -> NDArray[np.float32]:
        """Return the vectors of words, given as texts or hashes: `[N, width]`. White space has zeros."""
        return self._of_texts([self._text(key) for key in keys])

    def _of_texts(self, words: list[str]) -> NDArray[np.float32]:
        vectors = embed_words(self.embedder, words)
        blank = [i for i, word in enumerate(words) if not word.strip()]
        if blank:
            vectors = vectors.copy()
            vectors[blank] = 0
        return vectors

    def of_words(self, keys: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Return the vectors of words by their hashes, as `get_batch` does; see `keeping_vectors`."""
        if self.kept is not None:
            return self.kept.look_up(keys)
        return self._of_texts(self._texts.of(keys.tolist(), self._text))

    @property
    def is_contextual(self) -> bool:
        """Whether a word's vector depends on the words around it; see `of_text`."""
        return is_contextual(self.embedder)

    def of_text(self, words: list[str]) -> NDArray[np.float32]:
        """Return the vectors of the words of a text where they stand, `[N, width]`. White space has zeros, and isn't context."""
        places = [place for place, word in enumerate(words) if word.strip()]
        vectors = np.zeros((len(words), self.embedder.width), dtype="float32")
        vectors[places] = embed_in_context(self.embedder, [words[place] for place in places])
        return vectors

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep vectors that `of_words` returns; see `keeping_vectors`."""
        self.kept = KeptVectors(self.get_batch, self.embedder.width)
        try:
            yield
        finally:
            self.kept = None

    def find(
        self,
        *,
        key: int | str | None = None,
        keys: Iterable[int | str] | None = None,
        row: int | None = None,
        rows: Iterable[int] | None = None,
    ) -> Any:
        """Return the rows of known words, or the keys of rows: one, or an array of as many as are given.

        An unknown word has the row -1.

        Raises:
            KeyError: There's no such row.
            ConfigError: Not exactly one of the four is given.
        """
        if sum(given is not None for given in (key, keys, row, rows)) != 1:
            raise ConfigError("`find` takes exactly one of `key`, `keys`, `row` and `rows`")
        if rows is not None:
            return self._keys_of(list(rows))
        if row is not None:
            return int(self._keys_of([row])[0])
        if keys is not None:
            return self._rows_of(keys)
        return int(self._rows_of([key or 0])[0])

    def _rows_of(self, keys: Iterable[int | str]) -> NDArray[np.int32]:
        places = {get_string_id(word): i for i, word in enumerate(self.embedder.vocabulary)}
        return np.array([places.get(get_string_id(key), -1) for key in keys], dtype="int32")

    def _keys_of(self, rows: list[int]) -> NDArray[np.uint64]:
        words = self.embedder.vocabulary
        if outside := [row for row in rows if not 0 <= row < len(words)]:
            raise KeyError(f"there's no row {outside[0]}: the embedder knows {len(words)} words")
        return np.array([self.strings.add(words[row]) for row in rows], dtype="uint64")

    def most_similar(
        self, queries: NDArray[np.float32], *, batch_size: int = 1024, n: int = 1, sort: bool = True
    ) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.float32]]:
        """Return the known words whose vectors are nearest to others by cosine, the nearest first.

        Args:
            queries: The vectors, `[N, width]`.
            batch_size: How many of them are compared at once.
            n: How many words are returned for each.
            sort: Taken as spaCy has it: they're always sorted.

        Returns:
            The words' keys, rows and cosines, `[N, n]` each.

        Raises:
            DataError: The embedder knows fewer than `n` words.
        """
        if n > len(self):
            raise DataError(f"`n` is {n}, and the embedder knows {len(self)} words; ask for fewer")
        known = _unit(self.get_batch(self.embedder.vocabulary))
        asked = _unit(np.asarray(queries, dtype="float32").reshape(-1, known.shape[1]))
        best = [(batch @ known.T).topk(n) for batch in torch.split(asked, batch_size)]
        scores = torch.cat([each.values for each in best]).clamp(-1, 1).numpy()
        rows = torch.cat([each.indices for each in best]).numpy()
        keys = self._keys_of(rows.ravel().tolist()).reshape(rows.shape)
        return keys, rows.astype("int32"), scores

    def add(self, key: int | str, *, vector: Any = None, row: int | None = None) -> int:
        """Refuse: there's no table whose rows could be set.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(_NO_TABLE)

    def __setitem__(self, key: int | str, vector: Any) -> None:
        """Refuse, as `add`."""
        raise ConfigError(_NO_TABLE)

    def resize(self, shape: tuple[int, int], inplace: bool = False) -> list[tuple[int, int]]:
        """Refuse, as `add`."""
        raise ConfigError(_NO_TABLE)

    def to_disk(self, path: str | Path, **kwargs: Any) -> None:
        """Write the embedder below the vocabulary's folder, and a table of its words for spaCy's own vectors."""
        # What's sealed in there is about to change, unless a whole pipeline is being written, which is new.
        storage.discard_manifest(Path(path).parent)
        folder = Path(path) / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        storage.write_once(folder, self.embedder, self._write)
        # Whose words are added to the vocabulary's strings.
        strings = Path(path) / _STRINGS
        found = hashlib.sha256(strings.read_bytes()).hexdigest() if strings.is_file() else ""
        table = functools.partial(write_table, self.embedder)
        storage.write_once(Path(path), self.embedder, table, version=found)

    def _write(self, folder: Path) -> None:
        with calling(self.embedder, "embedder", "was written", but=OSError):
            self.embedder.to_disk(folder)

    def from_disk(self, path: str | Path, **kwargs: Any) -> "EmbedderVectors":
        """Read the embedder.

        Raises:
            SavedModelError: It can't be read, or the pipeline has a manifest and differs from it.
        """
        # Where a vocabulary is read by itself, nothing has checked its pipeline before.
        storage.check_sealed(Path(path).parent)
        folder = Path(path) / _FOLDER
        if not folder.is_dir():
            raise SavedModelError(
                f"{Path(path).parent} has no embedder of seqpipe's (there's no {folder.parent.name}/{_FOLDER}), and "
                "[nlp.vectors] asks for one: leave seqpipe.Vectors.v1 out there to have a table of spaCy's, or "
                "name the folder in an embedder, seqpipe.Pretrained.v1"
            )
        with calling(self.embedder, "embedder", "was read"):
            self.embedder.from_disk(folder)
        return self

    def to_bytes(self, **kwargs: Any) -> bytes:
        """Return the embedder's files in one piece; none before it's fitted."""
        if not self.embedder.vocabulary:
            return _NOT_FITTED
        return pack(self._write)

    def from_bytes(self, data: bytes, **kwargs: Any) -> "EmbedderVectors":
        """Read what `to_bytes` returned.

        Raises:
            SavedModelError: It's something else.
        """
        if data == _NOT_FITTED:
            return self
        with unpacked(data, "embedder") as folder, calling(self.embedder, "embedder", "was read"):
            self.embedder.from_disk(folder)
        return self


#: How many bytes of vectors are kept at most while a pipeline is trained: 64 MiB, 160,000 words of width 100.
_KEPT_BYTES: Final = 2**26


class KeptVectors:
    """Vectors that were asked for, by the hashes of their words.

    Args:
        look_up: Returns the vectors of words that none are kept of.
        width: The width of a vector.

    Attributes:
        vectors: Those that are kept, in rows that stay as they are; rows that aren't taken yet have anything.
    """

    def __init__(
        self, look_up: Callable[[NDArray[np.uint64]], NDArray[np.float32]], width: int
    ) -> None:
        self._new = look_up
        # Sorted, as a search by numpy takes a third of the time of a dictionary's.
        self._keys = np.empty(0, dtype=np.uint64)
        self._rows = np.empty(0, dtype=np.int64)
        # Memory is taken as rows are written.
        self.vectors = np.empty((_KEPT_BYTES // (4 * width), width), dtype="float32")

    def rows_of(self, keys: NDArray[np.uint64]) -> NDArray[np.int64] | None:
        """Return the rows of words in `vectors`, `[len(keys)]`; None if there's no more room for some."""
        # Few words make up most of a text, and only these few are searched for.
        unique, index = np.unique(keys, return_inverse=True)
        rows = self._find(unique)
        new = unique[rows < 0]
        if len(self._rows) + len(new) > len(self.vectors):
            return None
        if len(new):
            self._add(new, self._new(new))
            rows = self._find(unique)
        return rows[index]

    def _find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the rows of words, -1 where a word has none."""
        places = np.searchsorted(self._keys, keys)
        rows = np.full(len(keys), -1)
        is_kept = places < len(self._keys)
        is_kept[is_kept] = self._keys[places[is_kept]] == keys[is_kept]
        rows[is_kept] = self._rows[places[is_kept]]
        return rows

    def look_up(self, keys: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Return the vectors of words, `[len(keys), width]`; no key may stand twice."""
        rows = self._find(keys)
        is_kept = rows >= 0
        if is_kept.all():
            return self.vectors.take(rows, axis=0)
        vectors = np.empty((len(keys), self.vectors.shape[1]), dtype="float32")
        vectors[is_kept] = self.vectors[rows[is_kept]]
        vectors[~is_kept] = new = self._new(keys[~is_kept])
        self._add(keys[~is_kept], new)
        return vectors

    def _add(self, keys: NDArray[np.uint64], vectors: NDArray[np.float32]) -> None:
        start = len(self._rows)
        end = min(start + len(keys), len(self.vectors))
        self.vectors[start:end] = vectors[: end - start]
        added = np.concatenate([self._keys, keys[: end - start]])
        rows = np.concatenate([self._rows, np.arange(start, end)])
        order = np.argsort(added)
        self._keys, self._rows = added[order], rows[order]


@contextlib.contextmanager
def keeping_vectors(vocab: Vocab) -> Iterator[None]:
    """Have an embedder asked once for the vector of each word that encoders look up meanwhile, as it doesn't change.

    The vectors of the first words are kept, 64 MiB at most.
    """
    vectors = vocab.vectors
    with vectors.keeping() if isinstance(vectors, EmbedderVectors) else contextlib.nullcontext():
        yield


def _unit(vectors: NDArray[np.float32]) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.from_numpy(vectors))


def make_vectors(
    embedder: Embedder | None = None, embedders: dict[str, Any] | None = None
) -> Callable[[Vocab], EmbedderVectors]:
    """Make what spaCy calls for its vectors; registered as the vectors "seqpipe.Vectors.v1".

    Args:
        embedder: Gives the vectors.
        embedders: Several by name, in place of one: their vectors stand side by side.

    Raises:
        ConfigError: There's none, or there are both.
    """
    if (embedder is None) == (not embedders):
        raise ConfigError("seqpipe.Vectors.v1 takes `embedder`, or `embedders` by name")
    whole = embedder or Concatenated(embedders or {})

    def create(vocab: Vocab) -> EmbedderVectors:
        return EmbedderVectors(strings=vocab.strings, embedder=whole)

    return create


class DocumentVectors:
    """Sets `doc.vector`. It has nothing to save: the embedder is saved with the vocabulary.

    Args:
        vocab: The pipeline's vocabulary, with its vectors.
    """

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, doc: Doc) -> Doc:
        """Set the vector of a doc.

        Raises:
            ConfigError: The vectors come from something that has none for documents.
            EmbedderError: The embedder hasn't been fitted.
        """
        doc.vector = embed_document(self._embedder(), [t.text for t in doc if not t.is_space])
        return doc

    def pipe(self, docs: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Set the vectors of docs, one after another."""
        return (self(doc) for doc in docs)

    def _embedder(self) -> DocumentEmbedder:
        vectors = self.vocab.vectors
        embedder = vectors.embedder if isinstance(vectors, EmbedderVectors) else None
        if not isinstance(embedder, DocumentEmbedder):
            raise ConfigError(
                "seqpipe_document_vectors needs vectors of an embedder that embeds documents, such as "
                "doc2vec's, and [nlp.vectors] names another: remove the component, or change that"
            )
        return embedder


@Language.factory("seqpipe_document_vectors", assigns=["doc.vector"])  # type: ignore[untyped-decorator]
def make_document_vectors(nlp: Language, name: str) -> DocumentVectors:
    """Make the component; registered as the factory "seqpipe_document_vectors"."""
    return DocumentVectors(nlp.vocab)
