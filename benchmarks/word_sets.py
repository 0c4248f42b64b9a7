"""The sets that systems for words are compared on, as files that every system reads.

All are below the folder that the environment variable SEQPIPE_DATA names. Official parts are kept; WikiGold, which has
none, is split by seqpipe's own split with seed 0. Whatever scheme a set marks its entities by, the files have BIOES.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from text_sets import PARTS, Parts

from seqpipe.errors import DataError
from seqpipe.parts.chunks import Chunk, chunk_tags, read_chunks
from seqpipe.parts.readers import (
    AlignedLines,
    Columns,
    ConllU,
    Csv,
    Jsonl,
    Reader,
    Row,
    split_rows,
)

_FRACTIONS: Final = {"train": 0.8, "dev": 0.1, "test": 0.1}
#: The names of tags in the files.
ENTITIES: Final = "entities"
UPOS: Final = "upos"


@dataclass(frozen=True)
class WordSet:
    """A set of labelled texts, and what's learned of them.

    Args:
        about: What the texts are, and how they're split.
        read: Reads the parts.
        measures: The names of its scores; by the first, systems are ranked.
        tags: The name of the tags that its words have.
        labels: Whether texts have a label, too.
        pairs: Whether texts come in pairs, which have a number.
        lang: The language, as spaCy's code.
    """

    about: str
    read: Callable[[], Parts]
    measures: tuple[str, ...]
    tags: str | None = ENTITIES
    labels: bool = False
    pairs: bool = False
    lang: str = "en"


def _parts(reader: Callable[[str], Reader], paths: Sequence[str]) -> Parts:
    return {part: list(reader(path).read().rows) for part, path in zip(PARTS, paths, strict=True)}


def _ewt() -> Parts:
    return _parts(ConllU, [f"data:ud_en_ewt/en_ewt-ud-{part}.conllu.gz" for part in PARTS])


def _atis() -> Parts:
    def reader(folder: str) -> Reader:
        tags = {"slots": f"{folder}/seq.out"}
        return AlignedLines(
            f"{folder}/seq.in", tags=tags, entities="slots", label=f"{folder}/label"
        )

    return _parts(reader, [f"data:atis/{part}" for part in ("train", "valid", "test")])


def _wikigold() -> Parts:
    rows = Columns("data:ner_wikigold/wikigold.conll.txt").read().rows
    # Texts have no label to be split by, only their words have.
    return split_rows(rows, _FRACTIONS, seed=0, strata=lambda row: ())


def _wnut17() -> Parts:
    names = ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated")
    return _parts(Columns, [f"data:wnut17/{name}" for name in names])


def _zh_resume() -> Parts:
    return _parts(
        lambda path: Columns(path, scheme="BMES", spaces=False, on_bad_row="skip"),
        [f"data:zh_resume_ner/{part}.char.bmes" for part in PARTS],
    )


def _stsb() -> Parts:
    return _parts(
        lambda path: Csv(path, text=6, pair=7, label=5, header=False, quote=None),
        [f"data:sts_benchmark/sts-{part}.tsv" for part in PARTS],
    )


WORD_SETS: Final[dict[str, WordSet]] = {
    "ewt": WordSet(
        "sentences of the web, 17 parts of speech (UPOS); official parts", _ewt, ("accuracy",), UPOS
    ),
    "atis": WordSet(
        "questions about flights, slots and intents, learned together; official parts",
        _atis,
        ("slots, F", "intent, accuracy"),
        labels=True,
    ),
    "wikigold": WordSet("Wikipedia, 4 kinds of entities; 80/10/10", _wikigold, ("F",)),
    "wnut17": WordSet(
        "messages, 6 kinds of entities, others in each part; official parts", _wnut17, ("F",)
    ),
    "zh-resume": WordSet(
        "résumés, 8 kinds of entities, Chinese, by character; official parts without the sentences whose tags break "
        "the scheme",
        _zh_resume,
        ("F",),
        lang="zh",
    ),
    "stsb": WordSet(
        "pairs of sentences, similarity from 0 to 5; official parts",
        _stsb,
        ("Pearson's r",),
        tags=None,
        pairs=True,
    ),
}


def chunks_in(row: Row) -> list[Chunk]:
    """Return a row's entities, by the numbers of their words."""
    return read_chunks([str(tag) for tag in row.tags[ENTITIES]], "BIOES")


def _entity_tags(row: Row) -> list[str]:
    """Return the BIOES tags of the words in a row's spans."""
    assert row.words is not None and row.spaces is not None
    first, last, place = {}, {}, 0
    for number, (word, space) in enumerate(zip(row.words, row.spaces, strict=True)):
        first[place] = number
        last[place + len(word)] = number + 1
        place += len(word) + space
    chunks = (Chunk(first[start], last[end], label) for start, end, label in row.spans or ())
    return chunk_tags(chunks, len(row.words))


def _record(row: Row) -> dict[str, Any]:
    if row.pair is not None:
        return {"text": row.text, "pair": row.pair, "label": row.labels[0]}
    record: dict[str, Any] = {"words": row.words}
    if row.labels:
        record["label"] = row.labels[0]
    if row.spans is not None:
        return {**record, ENTITIES: _entity_tags(row)}
    return {**record, UPOS: row.tags[UPOS]}


def write_words(parts: Parts, folder: Path) -> None:
    """Write the parts as ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl``: a text a line, in words with their tags."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        lines = (json.dumps(_record(row), ensure_ascii=False) + "\n" for row in parts[part])
        with (folder / f"{part}.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)


def reader_settings(known: WordSet) -> dict[str, Any]:
    """Return the settings by which seqpipe's `Jsonl` reads the files of a set."""
    if known.pairs:
        return {"pair": "pair"}
    return {"words": "words", "tags": {known.tags: known.tags}}


def read_words(name: str, folder: Path) -> Parts:
    """Read what :func:`write_words` wrote of a set, by the reader that seqpipe uses."""
    settings = reader_settings(WORD_SETS[name])
    return {
        part: list(Jsonl(str(folder / f"{part}.jsonl"), **settings).read().rows) for part in PARTS
    }


def available_words(names: Iterable[str]) -> Iterator[tuple[str, Parts | DataError]]:
    """Yield each set's parts, or why it can't be read."""
    for name in names:
        try:
            yield name, WORD_SETS[name].read()
        except DataError as error:
            yield name, error
