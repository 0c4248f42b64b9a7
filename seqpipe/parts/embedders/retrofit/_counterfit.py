"""Counter-fitting: antonyms repel each other, synonyms attract, and neighbours stay neighbours.

Mrkšić et al. 2016, "Counter-fitting Word Vectors to Linguistic Constraints". Knows rows, not words.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from seqpipe.errors import ConfigError, EmbedderError
from seqpipe.parts.embedders._contract import Embedder
from seqpipe.parts.embedders.retrofit._base import MovedEmbedder
from seqpipe.parts.embedders.retrofit._lists import (
    Pair,
    Pairs,
    blocks,
    list_paths,
    read_antonyms,
    read_synonyms,
    runs,
    without,
)

#: Called with the part of the work that's done.
OnStep = Callable[[float], None]

#: Rows whose cosines with all others are computed at once.
_ROWS: Final = 512


@dataclass(frozen=True)
class Objective:
    """The paper's hyperparameters, in its order: k1, k2, k3, δ, γ, ρ. Distances are 1 - cosine."""

    antonym_weight: float = 0.1
    synonym_weight: float = 0.1
    neighbour_weight: float = 0.1
    antonym_distance: float = 1.0
    synonym_distance: float = 0.0
    neighbour_distance: float = 0.2


class Links(NamedTuple):
    """What acts on which word, sorted by the word.

    Attributes:
        rows: The word that's moved, and the one that moves it, `[L, 2]`.
        strengths: How strongly it's drawn to the other; below 0, pushed away, `[L]`.
        cosines: Where that ends: no pair is drawn nearer or pushed farther than this, `[L]`.
    """

    rows: Pairs
    strengths: NDArray[np.floating]
    cosines: NDArray[np.floating]


def counter_fit(
    units: NDArray[np.floating],
    *,
    synonyms: Pairs,
    antonyms: Pairs,
    near: Pairs,
    objective: Objective,
    iterations: int,
    on_step: OnStep = lambda fraction: None,
) -> NDArray[np.floating]:
    """Return vectors of length 1, moved so that antonyms repel and synonyms attract each other.

    What's minimised is, with d the cosine distance::

        k1 Σ_antonyms max(0, δ - d(i, j))
        + k2 Σ_synonyms max(0, d(i, j) - γ)
        + k3 Σ_near max(0, d(i, j) - d°(i, j))        d° as it was before

    As in the authors' program, each iteration takes the gradients of all vectors at once, moves each
    vector by the mean over the terms that aren't 0 for it, and scales it back to length 1. A pair that's
    in both lists is one of antonyms.

    Args:
        units: Of length 1, `[N, width]`; they stay as they are.
        synonyms: Pairs of rows, the lower one first, each once, `[P, 2]`.
        antonyms: The same.
        near: Pairs whose distance shouldn't grow; `near_pairs` finds them.
        objective: The weights k1, k2, k3 and the distances δ, γ.
        iterations: How many.
        on_step: Called after each iteration.
    """
    links = make_links(units, synonyms, antonyms, near, objective)
    units = units.copy()
    for iteration in range(iterations):
        _step(units, links)
        on_step((iteration + 1) / iterations)
    return units


def near_pairs(units: NDArray[np.floating], distance: float, *, most: int) -> Pairs:
    """Return the pairs of rows, the lower one first, whose cosine distance is at most that, `[P, 2]`.

    Raises:
        EmbedderError: There are more than `most`.
    """
    found: list[Pairs] = []
    count = 0
    for start in range(0, len(units), _ROWS):
        cosines = units[start : start + _ROWS] @ units[start:].T
        rows, columns = np.nonzero(cosines >= 1 - distance)
        above = columns > rows
        found.append(np.stack([rows[above], columns[above]], axis=1) + start)
        count += len(found[-1])
        if count > most:
            raise EmbedderError(
                f"more than {most:,} pairs of words lie within a distance of {distance:g}, too many to "
                "preserve each: make `neighbour_distance` or `neighbour_words` smaller"
            )
    return np.concatenate([np.zeros((0, 2), dtype=np.int64), *found])


def make_links(
    units: NDArray[np.floating],
    synonyms: Pairs,
    antonyms: Pairs,
    near: Pairs,
    objective: Objective,
) -> Links:
    """Return what acts on which word, antonyms being neither synonyms nor neighbours."""
    synonyms, near = without(synonyms, antonyms), without(near, antonyms)
    kind = units.dtype
    parts = [
        _both_ways(antonyms, -objective.antonym_weight, _all(antonyms, objective.antonym_distance)),
        _both_ways(synonyms, objective.synonym_weight, _all(synonyms, objective.synonym_distance)),
        _both_ways(near, objective.neighbour_weight, _cosines(units, near)),
    ]
    rows, strengths, cosines = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.lexsort((rows[:, 1], rows[:, 0]))
    return Links(rows[order], strengths[order].astype(kind), cosines[order].astype(kind))


def _all(pairs: Pairs, distance: float) -> NDArray[np.floating]:
    return np.full(len(pairs), 1 - distance)


def _both_ways(pairs: Pairs, strength: float, cosines: NDArray[np.floating]) -> Links:
    rows = np.concatenate([pairs, pairs[:, ::-1]])
    return Links(rows, np.full(len(rows), strength), np.tile(cosines, 2))


def _cosines(units: NDArray[np.floating], rows: Pairs) -> NDArray[np.floating]:
    """Return the cosines of pairs, `[P]`: of a pair always the same to the bit, in either direction."""
    found = [
        np.einsum("ld,ld->l", units[rows[block, 0]], units[rows[block, 1]])
        for block in blocks(len(rows))
    ]
    return np.concatenate([np.zeros(0, dtype=units.dtype), *found])


def _step(units: NDArray[np.floating], links: Links) -> None:
    """Move all vectors once."""
    moves = np.zeros_like(units)
    counts = np.zeros(len(units), dtype=units.dtype)
    for block in blocks(len(links.rows)):
        some = Links(links.rows[block], links.strengths[block], links.cosines[block])
        _add_moves(moves, counts, units, some)
    moved = np.flatnonzero(counts)
    units[moved] += moves[moved] / counts[moved, None]
    # Only those that have moved: another's length stays 1 to the bit, and so do distances between them.
    units[moved] /= np.linalg.norm(units[moved], axis=1, keepdims=True)


def _add_moves(
    moves: NDArray[np.floating],
    counts: NDArray[np.floating],
    units: NDArray[np.floating],
    links: Links,
) -> None:
    """Add up for each word what its links do to it, and how many of them do anything."""
    cosines = np.einsum("ld,ld->l", units[links.rows[:, 0]], units[links.rows[:, 1]])
    acting = links.strengths * (links.cosines - cosines) > 0
    rows, strengths, cosines = links.rows[acting], links.strengths[acting], cosines[acting]
    if not len(rows):
        return
    starts = runs(rows[:, 0])
    words = rows[starts, 0]
    # The gradient of a cosine by a vector u of length 1 is v - cos(u, v) u.
    drawn = np.add.reduceat(strengths[:, None] * units[rows[:, 1]], starts, axis=0)
    kept = np.add.reduceat(strengths * cosines, starts)
    moves[words] += drawn - kept[:, None] * units[words]
    counts[words] += np.diff(starts, append=len(rows))


# The embedder.

#: Of neighbours; so many take about 1 GB and, per iteration, some 5 s at a width of 300.
_MAX_PAIRS: Final = 10_000_000


@final
class CounterFitted(MovedEmbedder):
    """The vectors of another embedder, counter-fitted to synonyms and antonyms (Mrkšić et al. 2016).

    Vectors of words that occur in the same contexts are alike, and antonyms do. With d the cosine
    distance, d° the one before, and three weights k, each iteration is a step down the gradient of::

        k1 Σ_antonyms max(0, δ - d(i, j))
        + k2 Σ_synonyms max(0, d(i, j) - γ)
        + k3 Σ_neighbours max(0, d(i, j) - d°(i, j))        neighbours: d° ≤ ρ

    The defaults are the paper's. A pair that's listed both ways is one of antonyms. Vectors are brought
    to length 1 before, and back to their own after. Unknown words have the inner embedder's. The lists
    are read when it's fitted, and aren't needed for a saved one.

    Args:
        embedder: Makes the vectors; it's fitted first.
        antonyms: One list, or several: two words that are each other's antonyms on each line, divided
            by tabs if there's one, else by white space. A line that begins with # is a remark. Plain
            paths, ``package:NAME/below`` or ``data:below``.
        synonyms: The same, of two words or more a line; "" for none.
        iterations: How many steps.
        antonym_weight: k1.
        synonym_weight: k2.
        neighbour_weight: k3; 0 preserves no neighbourhoods.
        antonym_distance: δ: antonyms farther apart than this aren't pushed any more, 0 to 2.
        synonym_distance: γ: synonyms nearer than this aren't drawn any more.
        neighbour_distance: ρ: words nearer than this are neighbours.
        neighbour_words: Neighbours are looked for among so many of the most frequent words, and those
            that are listed; the time for it grows with the square.

    Raises:
        ConfigError: A setting has a value that can't be used.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        antonyms: str | list[str],
        synonyms: str | list[str] = "",
        iterations: int = 20,
        antonym_weight: float = 0.1,
        synonym_weight: float = 0.1,
        neighbour_weight: float = 0.1,
        antonym_distance: float = 1.0,
        synonym_distance: float = 0.0,
        neighbour_distance: float = 0.2,
        neighbour_words: int = 100_000,
    ) -> None:
        super().__init__(embedder)
        self._synonyms = list_paths("synonyms", synonyms)
        self._antonyms = list_paths("antonyms", antonyms)
        self._iterations, self._neighbour_words = iterations, neighbour_words
        self._objective = Objective(
            antonym_weight,
            synonym_weight,
            neighbour_weight,
            antonym_distance,
            synonym_distance,
            neighbour_distance,
        )
        self._check()

    def _check(self) -> None:
        if not self._antonyms:
            raise ConfigError(
                "`antonyms` names no list; with synonyms alone there is seqpipe.Retrofitted.v1"
            )
        if self._iterations < 1:
            raise ConfigError(f"`iterations` is {self._iterations}; it must be at least 1")
        if self._neighbour_words < 0:
            raise ConfigError(f"`neighbour_words` is {self._neighbour_words}; it must be 0 or more")
        for name, value in asdict(self._objective).items():
            most = 2.0 if name.endswith("distance") else 1.0
            if not 0 <= value <= most:
                raise ConfigError(f"`{name}` is {value}; it must lie between 0 and {most:g}")

    def _read_lists(self) -> dict[str, list[Pair]]:
        return {
            "synonyms": read_synonyms(self._synonyms),
            "antonyms": read_antonyms(self._antonyms),
        }

    def _rows(self, pairs: dict[str, Pairs], size: int) -> NDArray[np.int64]:
        frequent = np.arange(min(size, self._neighbour_words) if self._preserves() else 0)
        return np.unique(np.concatenate([frequent, *(each.ravel() for each in pairs.values())]))

    def _move(
        self, units: NDArray[np.float32], pairs: dict[str, Pairs], on_step: OnStep
    ) -> NDArray[np.float32]:
        distance = self._objective.neighbour_distance
        near = near_pairs(units if self._preserves() else units[:0], distance, most=_MAX_PAIRS)
        return counter_fit(
            units,
            synonyms=pairs["synonyms"],
            antonyms=pairs["antonyms"],
            near=near,
            objective=self._objective,
            iterations=self._iterations,
            on_step=on_step,
        )

    def _preserves(self) -> bool:
        return self._objective.neighbour_weight > 0 and self._neighbour_words > 0
