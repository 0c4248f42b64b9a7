"""The vectors of an embedder's known words as a table of spaCy's own."""

from pathlib import Path
from typing import Final

import spacy
from spacy.strings import StringStore
from spacy.vectors import Vectors

from seqpipe import storage
from seqpipe.errors import ConfigError
from seqpipe.parts.embedders import Embedder

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
