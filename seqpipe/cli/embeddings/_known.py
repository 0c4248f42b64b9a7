"""The lists to evaluate on if the user names none."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_DATA: Final = "SEQPIPE_DATA"

_WORDSIM: Final = "wordsim/EN-"
_SIMILARITY: Final = (f"{_WORDSIM}WS-353-SIM.txt", f"{_WORDSIM}SIMLEX-999.txt")
_RELATEDNESS: Final = (f"{_WORDSIM}WS-353-REL.txt", f"{_WORDSIM}MEN-TR-3k.txt")
_OTHERS: Final = (f"{_WORDSIM}WS-353-ALL.txt", f"{_WORDSIM}RG-65.txt", "wordsim_zh/wordsim-240.txt")
_ANALOGIES: Final = ("analogies_en/questions-words.txt", "analogies_zh/ca_translated.txt")
_SENTENCES: Final = ("sts_benchmark/sts-dev.tsv", "sts_benchmark/sts-test.tsv")

#: Running text, by language.
_CORPORA: Final = {
    "en": "corpus_enwiki/enwiki_00.txt.bz2",
    "zh": "corpus_zhwiki/zhwiki_00.txt.bz2",
}


@dataclass(frozen=True)
class Lists:
    """Paths of lists, as readers accept them.

    Attributes:
        similarity: Pairs of words with ratings.
        alike: Those of them that rate similarity as such.
        related: Those of them that rate relatedness.
        analogies: Questions.
        sentences: Pairs of sentences with ratings.
        categories: Words with labels.
        packaged: Whether to evaluate on the lists in the package too.
    """

    similarity: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    related: list[str] = field(default_factory=list)
    analogies: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    packaged: bool = False

    def paths(self) -> list[str]:
        """Return all files."""
        return [*self.similarity, *self.analogies, *self.sentences, *self.categories]


def known_lists() -> Lists:
    """Return the known lists that exist in $SEQPIPE_DATA, and those in the package."""
    alike, related = _present(*_SIMILARITY), _present(*_RELATEDNESS)
    return Lists(
        similarity=[*alike, *related, *_present(*_OTHERS)],
        alike=alike,
        related=related,
        analogies=_present(*_ANALOGIES),
        sentences=_present(*_SENTENCES),
        packaged=True,
    )


def known_corpus(language: str) -> str | None:
    """Return a corpus of a language in $SEQPIPE_DATA, or None."""
    return next(iter(_present(_CORPORA[language])), None) if language in _CORPORA else None


def _present(*files: str) -> list[str]:
    root = os.environ.get(_DATA)
    return [f"data:{file}" for file in files if root and (Path(root) / file).is_file()]
