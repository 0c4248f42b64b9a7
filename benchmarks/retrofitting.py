"""Measure what lists of synonyms and antonyms do to vectors: ``python benchmarks/retrofitting.py DICT``.

DICT is WordNet's folder of files; `wordnet_lists` says where to get it, and makes the lists of it. Vectors
and lists of rated pairs are taken from below the folder that SEQPIPE_DATA names.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import combinations
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from machine import describe_machine
from rich.console import Console
from rich.table import Table
from wordnet_lists import (
    SENSES,
    antonym_pairs,
    read_senses,
    read_wordnet,
    synonym_groups,
    write_list,
)

from seqpipe import __version__
from seqpipe.evaluation.embeddings import (
    ANTONYMS,
    SYNONYMS,
    RatedPair,
    Words,
    read_pairs,
    read_rated_pairs,
    score_opposites,
    score_pairs,
)
from seqpipe.parts.embedders import CounterFitted, Embedder, Pretrained, Retrofitted

VECTORS: Final = "data:glove_6b_50d_top50k/glove.6B.50d.top50k.txt.gz"
SIMLEX: Final = "data:wordsim/EN-SIMLEX-999.txt"
RATED: Final = {
    "SimLex": SIMLEX,
    "WS353 SIM": "data:wordsim/EN-WS-353-SIM.txt",
    "WS353 REL": "data:wordsim/EN-WS-353-REL.txt",
    "MEN": "data:wordsim/EN-MEN-TR-3k.txt",
}
#: Which share of the lists is kept back to be asked about.
HELD_OUT: Final = 0.2

Pair = tuple[str, str]
Groups = Sequence[Sequence[str]]


class Lists(NamedTuple):
    """What vectors are moved by: groups of synonyms, pairs of antonyms."""

    synonyms: Groups
    antonyms: Sequence[Pair]

    def pairs(self) -> tuple[set[Pair], set[Pair]]:
        """Return the pairs of both, each pair's words in ascending order; none is in both."""
        far = {ordered(pair) for pair in self.antonyms}
        near = {ordered(pair) for group in self.synonyms for pair in combinations(group, 2)}
        return near - far, far

    def without(self, pairs: Iterable[Pair]) -> "Lists":
        """Return the lists without some pairs."""
        left_out = {ordered(pair) for pair in pairs}
        near, far = (sorted(each - left_out) for each in self.pairs())
        return Lists(near, far)


def ordered(pair: Sequence[str]) -> Pair:
    """Return a pair with its words in ascending order."""
    first, second = sorted(pair)
    return first, second


def hold_out(lists: Lists, share: float, seed: int) -> tuple[Lists, Lists]:
    """Return lists without a share of their groups and pairs, and those, whose words may be elsewhere."""
    drawn = random.Random(seed)
    kept_back = Lists(
        *(drawn.sample(list(each), round(share * len(each))) for each in lists)  # type: ignore[arg-type]
    )
    near, far = kept_back.pairs()
    return lists.without(near | far), kept_back


def embedders(lists: Lists, folder: Path) -> dict[str, Callable[[], Embedder]]:
    """Return how the embedders are made that move vectors by lists, which are written into a folder."""
    synonyms = str(write_list(folder / "synonyms.txt", lists.synonyms))
    antonyms = str(write_list(folder / "antonyms.txt", lists.antonyms))
    return {
        "retrofitted": lambda: Retrofitted(embedder=Pretrained(path=VECTORS), synonyms=synonyms),
        "counter-fitted": lambda: CounterFitted(
            embedder=Pretrained(path=VECTORS), synonyms=synonyms, antonyms=antonyms
        ),
    }


class Asked(NamedTuple):
    """What vectors are asked about.

    Attributes:
        rated: Pairs that people have rated.
        opposites: Pairs of synonyms and pairs of antonyms.
    """

    rated: dict[str, Sequence[RatedPair]]
    opposites: dict[str, tuple[Sequence[Pair], Sequence[Pair]]]


def make_asked(lists: Lists, kept_back: Lists) -> Asked:
    """Return what's asked: the lists of others, and parts of SimLex by what WordNet says of its pairs."""
    simlex = read_rated_pairs(SIMLEX)
    near, far = lists.pairs()
    of_simlex = {ordered((each.first, each.second)): each for each in simlex}
    listed = near | far
    rated: dict[str, Sequence[RatedPair]] = {name: read_rated_pairs(RATED[name]) for name in RATED}
    rated["SimLex, listed"] = [each for pair, each in of_simlex.items() if pair in listed]
    rated["SimLex, not listed"] = [each for pair, each in of_simlex.items() if pair not in listed]
    opposites = {
        "SimLex": (sorted(near & of_simlex.keys()), sorted(far & of_simlex.keys())),
        "held out": tuple(map(sorted, kept_back.pairs())),
        "seqpipe's": (read_pairs(SYNONYMS), read_pairs(ANTONYMS)),
    }
    return Asked(rated, opposites)  # type: ignore[arg-type]


def score(embedder: Embedder, asked: Asked) -> dict[str, Any]:
    """Return an embedder's scores on everything that's asked."""
    words = Words(embedder)
    return {
        "rated": {name: score_pairs(pairs, words) for name, pairs in asked.rated.items()},
        "opposites": {
            name: score_opposites(near, far, words) for name, (near, far) in asked.opposites.items()
        },
    }


def measure(lists: Lists, asked: Asked, named: str) -> Iterator[dict[str, Any]]:
    """Yield the scores of each embedder that moves vectors by some lists."""
    near, far = lists.pairs()
    with tempfile.TemporaryDirectory() as folder:
        for name, make in embedders(lists, Path(folder)).items():
            embedder = make()
            start = time.process_time()
            embedder.fit([])
            seconds = time.process_time() - start
            yield {
                "vectors": name,
                "lists": named,
                "pairs": {"synonyms": len(near), "antonyms": len(far)},
                "seconds": seconds,
                **score(embedder, asked),
            }


def measure_all(wordnet: Path, senses: int) -> Iterator[dict[str, Any]]:
    """Yield the scores before, and after by WordNet's lists, whole and in part, and by seqpipe's own."""
    synsets = read_wordnet(wordnet)
    groups = synonym_groups(synsets, read_senses(wordnet), senses)
    lists = Lists(groups, antonym_pairs(synsets))
    fewer, kept_back = hold_out(lists, HELD_OUT, seed=0)
    asked = make_asked(lists, kept_back)
    before = Pretrained(path=VECTORS)
    start = time.process_time()
    before.fit([])
    seconds = time.process_time() - start
    yield {"vectors": "before", "lists": "", "seconds": seconds, **score(before, asked)}
    simlex = [(pair.first, pair.second) for pair in asked.rated["SimLex"]]
    yield from measure(lists, asked, "WordNet")
    yield from measure(lists.without(simlex), asked, "without SimLex's pairs")
    yield from measure(fewer, asked, f"without {HELD_OUT:.0%}")
    own = Lists(read_pairs(SYNONYMS), read_pairs(ANTONYMS))
    yield from measure(own, asked, "seqpipe's own")
    yield from measure(own.without(simlex), asked, "seqpipe's, without SimLex's pairs")


def figure(value: float | None) -> str:
    """Write a score."""
    return "" if value is None else f"{value:.3f}"


def tabulate(rows: Sequence[dict[str, Any]]) -> list[Table]:
    """Draw the scores: of rated pairs, and of synonyms beside antonyms."""
    rated = Table("vectors", "lists", title="Spearman's rank correlation with ratings")
    for name, found in rows[0]["rated"].items():
        rated.add_column(f"{name} ({found['covered']})", justify="right")
    rated.add_column("processor s", justify="right")
    opposites = Table("vectors", "lists", title="Synonyms above antonyms; mean cosines of both")
    for name, found in rows[0]["opposites"].items():
        counts = "/".join(str(found[kind]["covered"]) for kind in ("synonyms", "antonyms"))
        opposites.add_column(f"{name} ({counts})", justify="right")
    for row in rows:
        names = (row["vectors"], row["lists"])
        scores = (figure(each["spearman"]) for each in row["rated"].values())
        rated.add_row(*names, *scores, f"{row['seconds']:.1f}")
        opposites.add_row(*names, *map(format_separation, row["opposites"].values()))
    return [rated, opposites]


def format_separation(found: dict[str, Any]) -> str:
    """Format how well synonyms are separated from antonyms, and how near both are."""
    cosines = (figure(found[kind]["mean_cosine"]) for kind in ("synonyms", "antonyms"))
    return f"{figure(found['told_apart'])}  {' '.join(cosines)}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wordnet", type=Path, help="WordNet's folder of data.noun and others")
    parser.add_argument("--senses", type=int, default=SENSES, help="meanings per word (default: 2)")
    parser.add_argument("--json", type=Path, help="a file to write all figures to")
    options = parser.parse_args()
    rows = []
    for row in measure_all(options.wordnet, options.senses):
        print(row["vectors"], row["lists"], flush=True)
        rows.append(row)
    console = Console(width=200)
    for table in tabulate(rows):
        console.print(table)
    if options.json:
        result = {
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": describe_machine(),
            "versions": {"seqpipe": __version__, "numpy": np.__version__},
            "settings": {"senses": options.senses, "held out": HELD_OUT, "vectors": VECTORS},
            "rows": rows,
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
