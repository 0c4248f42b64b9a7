"""Docs that spaCy has saved, as rows."""

from collections.abc import Iterator
from typing import Any, Final

from spacy.attrs import ENT_IOB
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from seqpipe.adapters._pairs import text_lengths
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import BadRow, OnBadRow, Reader, ReadResult, Row, Span, locate_files

#: The annotations of tokens that become tags, by name.
_TAGS: Final = {"tag": "tag_", "pos": "pos_", "morph": "morph", "lemma": "lemma_", "dep": "dep_"}


class DocBinReader(Reader):
    """Read a file of spaCy's docs, a `DocBin`: the ``.spacy`` files of ``spacy convert`` and of Prodigy.

    A row has the doc's words; its labels are the categories with at least 0.5, its spans the entities, and its tags
    "tag", "pos", "morph", "lemma" and "dep", as far as the docs have them. Words whose tag isn't set have None. A doc whose
    entities aren't known at every word has no spans.

    Args:
        path: A file, a folder of .spacy files, or a pattern for files: a plain path, ``package:NAME/below`` or
            ``data:below``.
        on_bad_row: What to do with a doc without text: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(self, path: str, *, on_bad_row: OnBadRow = "error") -> None:
        if not path:
            raise ConfigError("the reader's path is empty; name a file")
        if on_bad_row not in ("error", "skip"):
            raise ConfigError(f'on_bad_row is {on_bad_row!r}; it may be "error" or "skip"')
        self._path = path
        self.on_bad_row = on_bad_row

    def read(self) -> ReadResult:
        """Read every doc.

        Raises:
            DataError: The file isn't there, is no DocBin, or has no doc; a doc has no text and the policy is "error".
        """
        rows: list[Row] = []
        skipped: list[BadRow] = []
        for source, doc in self._docs():
            if doc.text.strip():
                rows.append(_row(doc, source))
                continue
            problem = "its text is empty, or only white space"
            if self.on_bad_row == "error":
                raise DataError(f'{source}: {problem} (on_bad_row = "skip" leaves such docs out)')
            skipped.append(BadRow(source, problem))
        if not rows:
            raise DataError(f"{self._path} holds no docs with a text")
        return ReadResult(tuple(rows), tuple(skipped))

    def _docs(self) -> Iterator[tuple[str, Doc]]:
        for path, file in locate_files(self._path, suffixes=(".spacy",)):
            data = file.read_bytes()
            try:
                # The docs' own strings are in the file.
                docs = DocBin().from_bytes(data).get_docs(Vocab())
                for number, doc in enumerate(docs, start=1):
                    yield f"{path}:{number}", doc
            except Exception as error:
                raise DataError(
                    f"{path} can't be read as a DocBin, what spaCy's DocBin.to_disk writes "
                    f"({type(error).__name__}: {error})"
                ) from error


def _row(doc: Doc, source: str) -> Row:
    labels = tuple(label for label, value in doc.cats.items() if value >= 0.5)
    tags = {name: _tags(doc, attribute) for name, attribute in _TAGS.items()}
    spans = tuple(Span(e.start_char, e.end_char, e.label_) for e in doc.ents)
    if len(lengths := text_lengths(doc)) > 1:
        first, second = doc[: lengths[0]], doc[lengths[0] :]
        return Row(first.text, labels, source, pair=second.text)
    return Row(
        doc.text,
        labels,
        source,
        words=tuple(token.text for token in doc),
        spaces=tuple(bool(token.whitespace_) for token in doc),
        tags={name: each for name, each in tags.items() if any(each)},
        spans=spans if doc.has_annotation(ENT_IOB, require_complete=True) else None,
    )


def _tags(doc: Doc, attribute: str) -> tuple[str | None, ...]:
    values: list[Any] = [getattr(token, attribute) for token in doc]
    return tuple(str(value) or None for value in values)
