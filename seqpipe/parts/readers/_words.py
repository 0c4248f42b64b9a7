"""Texts that come in words, each with tags: columns, files with a line for each text, CoNLL-U."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Final, Literal

from seqpipe.errors import ConfigError, DataError
from seqpipe.messages import did_you_mean, nearest
from seqpipe.parts.chunks import (
    OUTSIDE,
    SCHEMES,
    Chunk,
    ChunkError,
    Scheme,
    are_chunks,
    find_scheme,
    read_chunks,
)
from seqpipe.parts.readers._collect import Parsed, ProblemError, Record, Words, collect, listed
from seqpipe.parts.readers._contract import OnBadRow, Reader, ReadResult, Span
from seqpipe.parts.readers._files import encoding_problem, read_files, read_lines
from seqpipe.parts.readers._settings import check_settings

_Scheme = Scheme | Literal["auto"]
#: What separates words and columns. White space of other kinds, such as a no-break space, is part of a word.
_BLANKS: Final = re.compile(r"[ \t\r\n]+")
#: What the names of files with columns end in.
_COLUMNS: Final = (".conll", ".iob", ".bio", ".tsv", ".txt")
#: Lines that begin a document in the files of CoNLL 2003.
_DOCUMENT: Final = "-DOCSTART-"


class Columns(Reader):
    """Read a file with a word on each line, its tags beside it, and an empty line after each text: CoNLL's columns.

    If the values of a column are tags of chunks ("B-PER"), in whichever scheme, the row's spans are these chunks: entities.

    Args:
        path: A file, a folder of files (.conll, .iob, .bio, .tsv, .txt), or a pattern for files: a plain path,
            ``package:NAME/below`` or ``data:below``. Files that end in .gz, .bz2, .xz or .zst are decompressed.
        word: The number of the column of the words, from 0; -1 is the last.
        tags: The numbers of columns of tags, by a name of yours.
        entities: The name of the tags that say what the entities are. None: of the first tags that look like it.
        scheme: How tags say where entities begin and end: "IO", "IOB1", "BIO" (or "IOB2"), "BIOES", "BMES" or "BILOU".
            "auto" finds out.
        delimiter: The character between columns. None: blanks and tabs.
        spaces: Whether there's a space between words in the text. For Chinese characters: false.
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
        spaces: bool = True,
        comment: str | None = None,
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self.on_bad_row = on_bad_row
        self._word = word
        self._tags = {"tag": -1} if tags is None else dict(tags)
        self._entities = _checked_entities(entities, self._tags)
        self._scheme = _checked_scheme(scheme)
        self._delimiter = delimiter
        self._spaces = spaces
        self._comment = comment
        if delimiter is not None and len(delimiter) != 1:
            raise ConfigError(
                f"`delimiter` is {delimiter!r}; it's one character, or null for blanks and tabs",
                setting="delimiter",
            )

    def read(self) -> ReadResult:
        """Read every text.

        Raises:
            DataError: The file isn't there or can't be read; a text is bad and the policy is "error"; or all are bad.
        """
        texts = [
            (f"{path}:{number}", [self._cells(line) for line in block])
            for path, lines in read_files(self._settings, suffixes=_COLUMNS)
            for number, block in self._blocks(lines)
        ]
        chunks = Chunks.of(
            self._entities, self._scheme, self._tags, partial(self._tags_of, texts=texts)
        )
        width = _width(texts)
        records = ((source, partial(self._parse, cells, width, chunks)) for source, cells in texts)
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

    @property
    def _separator(self) -> str:
        return "blanks and tabs" if self._delimiter is None else repr(self._delimiter)

    def _cells(self, line: str) -> list[str]:
        if self._delimiter is None:
            return _split(line)
        return [cell.strip() for cell in line.split(self._delimiter)]

    def _tags_of(self, name: str, texts: list[tuple[str, list[list[str]]]]) -> list[list[str]]:
        """Return the tags of each text whose lines have as many columns as most."""
        column, width = self._tags[name], _width(texts)
        if not -width <= column < width:
            return []
        return [
            [row[column] for row in cells]
            for _, cells in texts
            if all(len(row) == width for row in cells)
        ]

    def _parse(self, cells: list[list[str]], width: int, chunks: "Chunks") -> Parsed:
        for place, row in enumerate(cells, start=1):
            if problem := encoding_problem(" ".join(row), encodings=self._settings.encodings):
                raise ProblemError(f"its word {place}: {problem}")
            if len(row) != width:
                raise ProblemError(
                    f"its word {place} has {len(row)} columns, separated by {self._separator}, where most have {width}"
                )
        for name, column in [("word", self._word), *self._tags.items()]:
            if not -width <= column < width:
                raise ProblemError(
                    f'it has {width} columns, and "{name}" is column {column}', by_setting=True
                )
        for name, column in self._tags.items():
            if column % width == self._word % width:
                raise ProblemError(
                    f'it has {width} columns, separated by {self._separator}, and "{name}" is that of the words: mend `delimiter`, '
                    "`word` or `tags`",
                    by_setting=True,
                )
        words = [row[self._word] for row in cells]
        tags = {name: [row[column] for row in cells] for name, column in self._tags.items()}
        return words_of(words, [self._spaces] * len(words), tags, chunks)


def _split(line: str) -> list[str]:
    return [word for word in _BLANKS.split(line) if word]


def _width(texts: list[tuple[str, list[list[str]]]]) -> int:
    """Return how many columns most lines have."""
    widths = Counter(len(row) for _, cells in texts for row in cells)
    return max(widths, key=lambda width: widths[width], default=0)


class AlignedLines(Reader):
    """Read files with a line for each text, which belong together line by line: words, tags of the words, labels of the text.

    That's how sets of intents and slots come: ``seq.in``, ``seq.out`` and ``label``.

    Args:
        path: The file of words, separated by white space: a plain path, ``package:NAME/below`` or ``data:below``. One that
            ends in .gz, .bz2, .xz or .zst is decompressed.
        tags: The files of tags, by a name of yours; each has as many words in a line as `path`.
        label: The file of the texts' labels. None: they have none.
        label_separator: What several labels of a text are separated by. None: a text has one.
        entities: As `Columns` has it.
        scheme: As `Columns` has it.
        spaces: As `Columns` has it.
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
        spaces: bool = True,
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self.on_bad_row = on_bad_row
        self._tags = dict(tags or {})
        self._label = label
        self._label_separator = label_separator
        self._entities = _checked_entities(entities, self._tags)
        self._scheme = _checked_scheme(scheme)
        self._spaces = spaces

    def read(self) -> ReadResult:
        """Read every line.

        Raises:
            DataError: A file isn't there, can't be read or has another number of lines; a text is bad and the policy is
                "error"; or all are bad.
        """
        paths = [self._settings.path, *self._tags.values()]
        texts = self._lines([*paths, self._label] if self._label is not None else paths)
        tags_at = {name: place for place, name in enumerate(self._tags, start=1)}
        chunks = Chunks.of(
            self._entities,
            self._scheme,
            self._tags,
            lambda name: [_split(lines[tags_at[name]]) for lines in texts],
        )
        records = (
            (f"{self._settings.path}:{number}", partial(self._parse, lines, chunks))
            for number, lines in enumerate(texts, start=1)
        )
        return collect(records, settings=self._settings)

    def _lines(self, paths: Sequence[str]) -> list[tuple[str, ...]]:
        """Return what the files have on each line; empty lines at the end of some of them don't count."""
        files = [read_lines(path, encodings=self._settings.encodings) for path in paths]
        shortest = min(map(len, files))
        for path, lines in zip(paths, files, strict=True):
            if any(line.strip() for line in lines[shortest:]):
                other = paths[[len(each) for each in files].index(shortest)]
                raise DataError(
                    f"{path} has {len(lines):,} lines and {other} has {shortest:,}: line by line they should belong together"
                )
        texts = list(zip(*(lines[:shortest] for lines in files), strict=True))
        while texts and not any(line.strip() for line in texts[-1]):
            texts.pop()
        return texts

    def _parse(self, lines: Sequence[str], chunks: "Chunks") -> Parsed:
        if problem := encoding_problem(" ".join(lines), encodings=self._settings.encodings):
            raise ProblemError(problem)
        words = _split(lines[0])
        tags = {name: _split(line) for name, line in zip(self._tags, lines[1:], strict=False)}
        for name, each in tags.items():
            if len(each) != len(words):
                raise ProblemError(f'it has {len(words)} words and {len(each)} of "{name}"')
        parsed = words_of(words, [self._spaces] * len(words), tags, chunks)
        if self._label is None:
            return parsed
        names = lines[-1].split(self._label_separator) if self._label_separator else [lines[-1]]
        if not any(name.strip() for name in names):
            raise ProblemError("its label is empty")
        return parsed._replace(labels=names)


#: The columns of CoNLL-U (universaldependencies.org/format.html) and the names of those that are tags.
_CONLLU: Final = 10
_CONLLU_TAGS: Final = {"lemma": 2, "upos": 3, "xpos": 4, "feats": 5, "head": 6, "deprel": 7}


class ConllU(Reader):
    """Read a file in CoNLL-U: ten columns for each word, an empty line after each sentence.

    The tags are "lemma", "upos", "xpos", "feats", "head" and "deprel", each None where the file has "_". Blanks are where
    the last column doesn't say ``SpaceAfter=No``. Of a token that's several words, such as "don't", the words are read, without
    blanks between them; where the joined form is spelt differently (French "au" for "à le"), the text has the words. Nodes of the enhanced
    graph, such as 5.1, aren't read.

    Args:
        path: A file, a folder of .conllu files, or a pattern for files: a plain path, ``package:NAME/below`` or
            ``data:below``. Files that end in .gz, .bz2, .xz or .zst are decompressed.
        heads: Whether heads and relations are read too. A sentence whose heads make no tree is bad then.
        encoding: The file's encoding, or several to be tried in turn.
        on_bad_row: What to do with a sentence that can't be used: "error" or "skip".

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        path: str,
        *,
        heads: bool = True,
        encoding: str | list[str] = "utf-8",
        on_bad_row: OnBadRow = "error",
    ) -> None:
        self._settings = check_settings(path=path, encoding=encoding, on_bad_row=on_bad_row)
        self.on_bad_row = on_bad_row
        self._tags = {k: v for k, v in _CONLLU_TAGS.items() if heads or k not in ("head", "deprel")}

    def read(self) -> ReadResult:
        """Read every sentence.

        Raises:
            DataError: The file isn't there or can't be read; a sentence is bad and the policy is "error"; or all are bad.
        """
        return collect(self._records(), settings=self._settings)

    def _records(self) -> Iterator[Record]:
        for path, lines in read_files(self._settings, suffixes=(".conllu",)):
            block: list[str] = []
            start = 0
            for number, line in enumerate([*lines, ""], start=1):
                if not line.strip():
                    if block:
                        yield f"{path}:{start}", partial(self._parse, block)
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
                first, _, last = cells[0].partition("-")
                token_end, token_space = _number(last), space
                if not len(rows) + 1 == _number(first) < token_end <= len(block):
                    raise ProblemError(
                        f"its token {cells[0]} doesn't fit: the next word is {len(rows) + 1}, of {len(block)} lines"
                    )
            elif "." not in cells[0]:
                if _number(cells[0]) != len(rows) + 1:
                    raise ProblemError(f"its word {len(rows) + 1} has the number {cells[0]}")
                rows.append(cells)
                inside = len(rows) < token_end
                spaces.append(not inside and (token_space if len(rows) == token_end else space))
        tags = {
            name: [None if row[column] == "_" else row[column] for row in rows]
            for name, column in self._tags.items()
        }
        if "head" in tags:
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
        raise ProblemError(
            f"its words have {parents.count(0)} roots, and a tree has one (`heads = false` leaves heads unread)"
        )
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
        """Find out what the settings don't say.

        Args:
            name: The name of the tags, if the settings say it.
            scheme: The scheme, or "auto".
            names: The names of all tags.
            tags_of: Returns the tags of all texts by their name.
        """
        for each in names if name is None else [name]:
            texts = tags_of(each)
            if name is not None or are_chunks(texts):
                return cls(each, find_scheme(texts) if scheme == "auto" else scheme)
        return cls(None, "BIO")

    def read(self, tags: Sequence[str]) -> list[Chunk]:
        """Return the chunks of a text.

        Raises:
            ProblemError: Its tags break the scheme.
        """
        try:
            return read_chunks(tags, self.scheme)
        except ChunkError as error:
            raise ProblemError(str(error)) from error


def words_of(
    words: Sequence[str],
    spaces: Sequence[bool],
    tags: Mapping[str, Sequence[str | None]],
    chunks: Chunks,
) -> Parsed:
    """Return a text of words; there's no space after the last one.

    Raises:
        ProblemError: There's no word, one is empty, or tags break their scheme.
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
        starts = [0, *accumulate(map(len, pieces))]
        spans = tuple(
            Span(starts[start], starts[end - 1] + len(words[end - 1]), label)
            for start, end, label in chunks.read([tag or OUTSIDE for tag in tags[chunks.name]])
        )
    given = {name: tuple(each) for name, each in tags.items()}
    return Parsed("".join(pieces), (), Words(tuple(words), follows, given), spans)


def _checked_entities(entities: str | None, tags: Iterable[str]) -> str | None:
    names = list(tags)
    if entities is not None and entities not in names:
        near = nearest(entities, names)
        hint = f"; {did_you_mean(near)}" if near else ""
        raise ConfigError(
            f'`entities` is "{entities}", and `tags` names {listed(names) or "none"}{hint}',
            setting="entities",
        )
    return entities


def _checked_scheme(scheme: _Scheme) -> _Scheme:
    if scheme != "auto" and scheme not in SCHEMES:
        raise ConfigError(
            f'`scheme` is {scheme!r}; it may be "auto", {listed(SCHEMES)}', setting="scheme"
        )
    return scheme
