"""Texts that come in words, each with tags: columns, files with a line for each text, CoNLL-U."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, Literal

from seqpipe.errors import ConfigError, DataError
from seqpipe.messages import did_you_mean, nearest
from seqpipe.parts.readers._chunks import (
    SCHEMES,
    Scheme,
    are_chunks,
    find_scheme,
    read_chunks,
)
from seqpipe.parts.readers._collect import Parsed, ProblemError, Record, Words, collect, listed
from seqpipe.parts.readers._contract import OnBadRow, Reader, ReadResult, Span
from seqpipe.parts.readers._files import encoding_problem, read_lines
from seqpipe.parts.readers._settings import Settings, check_settings

_Scheme = Scheme | Literal["auto"]
#: Lines that begin a document in the files of CoNLL 2003.
_DOCUMENT: Final = "-DOCSTART-"


class Columns(Reader):
    """Read a file with a word on each line, its tags beside it, and an empty line behind each text: CoNLL's columns.

    If the values of a column are tags of chunks ("B-PER"), in whichever scheme, the row's spans are these chunks: entities.

    Args:
        path: The file: a plain path, ``package:NAME/below`` or ``data:below``. One that ends in
            .gz, .bz2 or .xz is decompressed.
        word: The number of the column of the words, from 0; -1 is the last.
        tags: The numbers of columns of tags, by a name of yours.
        entities: The name of the tags that say what the entities are. None: of the first tags that look like it.
        scheme: How tags say where entities begin and end: "IO", "IOB1", "BIO" or "BIOES" (which BMES and BILOU are too).
            "auto" finds out.
        delimiter: What columns are separated by. None: any white space.
        blanks: Whether words are separated by blanks in the text. For characters of Chinese: false.
        comment: Lines that begin with this aren't read. None: all are.
        encoding: The file's encoding, or several to be tried in turn.
        on_bad_row: What to do with a text that can't be used: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        word: int = 0,
        tags: Mapping[str, int] | None = None,
        entities: str | None = None,
        scheme: _Scheme = "auto",
        delimiter: str | None = None,
        blanks: bool = True,
        comment: str | None = None,
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self._word = word
        self._tags = {"tag": -1} if tags is None else dict(tags)
        self._entities = _checked_entities(entities, self._tags)
        self._scheme = _checked_scheme(scheme)
        self._delimiter = delimiter
        self._blanks = blanks
        self._comment = comment
        if delimiter is not None and len(delimiter) != 1:
            raise ConfigError(
                f"`delimiter` is {delimiter!r}; it's one character, or null for white space",
                setting="delimiter",
            )

    def read(self) -> ReadResult:
        """Read every text.

        Raises:
            DataError: The file isn't there or can't be read; a text is bad and the policy is "error"; or all are bad.
        """
        lines = read_lines(self._settings)
        texts = [
            (number, [self._cells(line) for line in block]) for number, block in self._blocks(lines)
        ]
        chunks = Chunks.of(
            self._entities, self._scheme, self._tags, partial(self._tags_of, texts=texts)
        )
        records = (
            (f"{self._settings.path}:{number}", partial(self._parse, cells, chunks))
            for number, cells in texts
        )
        return collect(records, settings=self._settings)

    def _blocks(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the lines of each text, and the number of the first of them."""
        block: list[str] = []
        start = 0
        for number, line in enumerate(lines, start=1):
            if self._comment and line.startswith(self._comment):
                continue
            if line.strip() and not line.startswith(_DOCUMENT):
                start = start if block else number
                block.append(line.rstrip("\r\n"))
            elif block:
                yield start, block
                block = []
        if block:
            yield start, block

    def _cells(self, line: str) -> list[str]:
        return line.split(self._delimiter)

    def _tags_of(self, name: str, texts: list[tuple[int, list[list[str]]]]) -> list[list[str]]:
        """Return the tags of each text that has them all."""
        column, found = self._tags[name], []
        for _, cells in texts:
            try:
                found.append([row[column] for row in cells])
            except IndexError:
                continue
        return found

    def _parse(self, cells: list[list[str]], chunks: "Chunks") -> Parsed:
        for place, row in enumerate(cells, start=1):
            if problem := encoding_problem(" ".join(row), encodings=self._settings.encodings):
                raise ProblemError(f"its word {place}: {problem}")
            if len(row) != len(cells[0]):
                raise ProblemError(
                    f"its word {place} has {len(row)} columns where its first has {len(cells[0])}"
                )
        for name, column in {"word": self._word, **self._tags}.items():
            if not -len(cells[0]) <= column < len(cells[0]):
                raise ProblemError(
                    f'it has {len(cells[0])} columns, and "{name}" is column {column}',
                    by_setting=True,
                )
        words = [row[self._word] for row in cells]
        tags = {name: [row[column] for row in cells] for name, column in self._tags.items()}
        return words_of(words, [self._blanks] * len(words), tags, chunks)


class AlignedLines(Reader):
    """Read files with a line for each text, which belong together line by line: words, tags of the words, labels of the text.

    That's how sets of intents and slots come: ``seq.in``, ``seq.out`` and ``label``.

    Args:
        path: The file of words, separated by white space: a plain path, ``package:NAME/below`` or ``data:below``. One that
            ends in .gz, .bz2 or .xz is decompressed.
        tags: The files of tags, by a name of yours; each has as many words in a line as `path`.
        label: The file of the texts' labels. None: they have none.
        label_separator: What several labels of a text are separated by. None: a text has one.
        entities: As `Columns` has it.
        scheme: As `Columns` has it.
        blanks: As `Columns` has it.
        encoding: The files' encoding, or several to be tried in turn.
        on_bad_row: What to do with a text that can't be used: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        tags: Mapping[str, str] | None = None,
        label: str | None = None,
        label_separator: str | None = None,
        entities: str | None = None,
        scheme: _Scheme = "auto",
        blanks: bool = True,
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self._tags = dict(tags or {})
        self._label = label
        self._label_separator = label_separator
        self._entities = _checked_entities(entities, self._tags)
        self._scheme = _checked_scheme(scheme)
        self._blanks = blanks

    def read(self) -> ReadResult:
        """Read every line.

        Raises:
            DataError: A file isn't there, can't be read or has another number of lines; a text is bad and the policy is
                "error"; or all are bad.
        """
        lines = self._lines(self._settings.path)
        tags = {name: self._lines(path) for name, path in self._tags.items()}
        labels = self._lines(self._label) if self._label else [""] * len(lines)
        for path, others in zip(
            [*self._tags.values(), self._label], [*tags.values(), labels], strict=True
        ):
            if len(others) != len(lines):
                raise DataError(
                    f"{self._settings.path} has {len(lines):,} lines and {path} has {len(others):,}: line by line "
                    "they should belong together"
                )
        chunks = Chunks.of(
            self._entities,
            self._scheme,
            self._tags,
            lambda name: [line.split() for line in tags[name]],
        )
        return collect(self._records(lines, tags, labels, chunks), settings=self._settings)

    def _lines(self, path: str) -> list[str]:
        settings = Settings(path, self._settings.encodings, self._settings.on_bad_row)
        lines = read_lines(settings)
        while lines and not lines[-1].strip():
            lines.pop()
        return lines

    def _records(
        self,
        lines: list[str],
        tags: Mapping[str, list[str]],
        labels: list[str],
        chunks: "Chunks",
    ) -> Iterator[Record]:
        for place, line in enumerate(lines):
            these = {name: of_all[place] for name, of_all in tags.items()}
            parse = partial(self._parse, line, these, labels[place], chunks)
            yield f"{self._settings.path}:{place + 1}", parse

    def _parse(self, line: str, tags: Mapping[str, str], label: str, chunks: "Chunks") -> Parsed:
        if problem := encoding_problem(
            " ".join([line, *tags.values(), label]), encodings=self._settings.encodings
        ):
            raise ProblemError(problem)
        words = line.split()
        split = {name: of_text.split() for name, of_text in tags.items()}
        for name, each in split.items():
            if len(each) != len(words):
                raise ProblemError(f'it has {len(words)} words and {len(each)} of "{name}"')
        parsed = words_of(words, [self._blanks] * len(words), split, chunks)
        if self._label is None:
            return parsed
        names = label.split(self._label_separator) if self._label_separator else [label]
        if not any(name.strip() for name in names):
            raise ProblemError("its label is empty")
        return parsed._replace(labels=names)


#: The columns of CoNLL-U (universaldependencies.org/format.html) and the names of those that are tags.
_CONLLU: Final = 10
_CONLLU_TAGS: Final = {"lemma": 2, "upos": 3, "xpos": 4, "feats": 5, "head": 6, "deprel": 7}


class ConllU(Reader):
    """Read a file in CoNLL-U: ten columns for each word, an empty line behind each sentence.

    The tags are "lemma", "upos", "xpos", "feats", "head" and "deprel", each None where the file has "_". Blanks are where
    the last column doesn't say ``SpaceAfter=No``. Of a token that's several words, such as "don't", the words are read, and the blank
    behind the token stands behind the last of them. Nodes of the enhanced graph, such as 5.1, aren't read.

    Args:
        path: The file: a plain path, ``package:NAME/below`` or ``data:below``. One that ends in
            .gz, .bz2 or .xz is decompressed.
        encoding: The file's encoding, or several to be tried in turn.
        on_bad_row: What to do with a sentence that can't be used: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)

    def read(self) -> ReadResult:
        """Read every sentence.

        Raises:
            DataError: The file isn't there or can't be read; a sentence is bad and the policy is "error"; or all are bad.
        """
        return collect(self._records(), settings=self._settings)

    def _records(self) -> Iterator[Record]:
        block: list[str] = []
        start = 0
        for number, line in enumerate([*read_lines(self._settings), ""], start=1):
            if not line.strip():
                if block:
                    yield f"{self._settings.path}:{start}", partial(self._parse, block)
                block = []
            elif not line.startswith("#"):
                start = start if block else number
                block.append(line.rstrip("\r\n"))

    def _parse(self, block: list[str]) -> Parsed:
        rows: list[list[str]] = []
        spaces: list[bool] = []
        token_end, token_space = 0, True
        for line in block:
            if problem := encoding_problem(line, encodings=self._settings.encodings):
                raise ProblemError(problem)
            cells = line.split("\t")
            if len(cells) != _CONLLU:
                raise ProblemError(
                    f"the line of its word {len(rows) + 1} has {len(cells)} columns, separated by tabs, and CoNLL-U has {_CONLLU}"
                )
            space = "SpaceAfter=No" not in cells[9].split("|")
            if "-" in cells[0]:
                token_end, token_space = int(_number(cells[0].partition("-")[2])), space
            elif "." not in cells[0]:
                if _number(cells[0]) != len(rows) + 1:
                    raise ProblemError(f"its word {len(rows) + 1} has the number {cells[0]}")
                rows.append(cells)
                inside = len(rows) < token_end
                spaces.append(not inside and (token_space if len(rows) == token_end else space))
        tags = {
            name: [None if row[column] == "_" else row[column] for row in rows]
            for name, column in _CONLLU_TAGS.items()
        }
        _check_tree(tags["head"])
        return words_of([row[1] for row in rows], spaces, tags, Chunks(None, "BIO"))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ProblemError(f"{text!r} is no number of a word")
    return int(text)


def _check_tree(heads: Sequence[str | None]) -> None:
    """Check that words' heads make a tree, if they're given: one root, and a way to it from everywhere.

    Raises:
        ProblemError: They don't.
    """
    if not all(head is not None for head in heads):
        return
    parents = [_number(str(head)) for head in heads]
    if parents.count(0) != 1:
        raise ProblemError(f"its words have {parents.count(0)} roots, and a tree has one")
    for place, parent in enumerate(parents, start=1):
        if parent > len(parents):
            raise ProblemError(
                f"the head of its word {place} is {parent}, and there's no such word"
            )
        seen, at = {place}, parent
        while at and at not in seen:
            seen.add(at)
            at = parents[at - 1]
        if at:
            raise ProblemError(
                f"its heads are no tree: from word {place} they lead to word {at} again and again"
            )


# What the readers share.


class Chunks:
    """Which tags say what the spans are, and how; `name` is None if none do."""

    def __init__(self, name: str | None, scheme: Scheme) -> None:
        self.name = name
        self.scheme = scheme

    @classmethod
    def of(
        cls,
        name: str | None,
        scheme: _Scheme,
        names: Iterable[str],
        tags_of: Callable[[str], list[list[str]]],
    ) -> "Chunks":
        """Find out what's left to us.

        Args:
            name: The name of the tags, if the user says it.
            scheme: The scheme, or "auto".
            names: The names of all tags.
            tags_of: Returns the tags of all texts by their name.
        """
        for each in names if name is None else [name]:
            texts = tags_of(each)
            if name is not None or are_chunks(tag for tags in texts for tag in tags):
                return cls(each, find_scheme(texts) if scheme == "auto" else scheme)
        return cls(None, "BIO")


def words_of(
    words: Sequence[str],
    spaces: Sequence[bool],
    tags: Mapping[str, Sequence[str | None]],
    chunks: Chunks,
) -> Parsed:
    """Return a text of words; no blank is behind the last one.

    Raises:
        ProblemError: A word is empty, or tags break their scheme.
    """
    if not words:
        raise ProblemError("its text is empty")
    for place, word in enumerate(words, start=1):
        if not word.strip():
            raise ProblemError(f"its word {place} is empty")
    follows = (*spaces[:-1], False)
    pieces = [word + " " * space for word, space in zip(words, follows, strict=True)]
    spans = None
    if chunks.name is not None:
        found = read_chunks([tag or "O" for tag in tags[chunks.name]], chunks.scheme)
        starts = [0]
        for piece in pieces:
            starts.append(starts[-1] + len(piece))
        spans = tuple(
            Span(starts[start], starts[end - 1] + len(words[end - 1]), label)
            for start, end, label in found
        )
    given = {name: tuple(each) for name, each in tags.items()}
    return Parsed("".join(pieces), (), Words(tuple(words), follows, given), spans)


def _checked_entities(entities: str | None, tags: Iterable[str]) -> str | None:
    names = list(tags)
    if entities is not None and entities not in names:
        meant = did_you_mean(nearest(entities, names))
        raise ConfigError(
            f'`entities` is "{entities}", and `tags` names {listed(names) or "none"}; {meant}'.rstrip(
                "; "
            ),
            setting="entities",
        )
    return entities


def _checked_scheme(scheme: _Scheme) -> _Scheme:
    if scheme != "auto" and scheme not in SCHEMES:
        raise ConfigError(
            f'`scheme` is {scheme!r}; it may be "auto", {listed(SCHEMES)}', setting="scheme"
        )
    return scheme
