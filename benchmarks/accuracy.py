"""Compare text classifiers on ten sets: how often they're right, how fast, and how large.

    python benchmarks/accuracy.py --sets trec subj --systems tfidf-lr nb-svm --seeds 0 1 2
    python benchmarks/accuracy.py --systems seqpipe seqpipe:pipelines/bbc-news/pipeline.cfg

Each system is trained on each set with each seed, in a process of its own. What comes out is saved after
every training, in the file --json, and a training that's there already isn't repeated: a run that was stopped
goes on with the same command. All that the file has becomes tables on a page, --page, in Markdown.

Most sets are below the folder that the environment variable SEQPIPE_DATA names; those that can't be read are
left out, and it's said why. A system is one of the names below, or "seqpipe:FILE", a pipeline file, of which
everything is used but the data. benchmarks/README.md says what each is, and how its settings are picked.
"""

from pathlib import Path
from typing import Final

from accuracy_report import draw_table, page
from accuracy_systems import SYSTEMS, Job
from text_sets import SETS, available, write_set
from trainings import Benchmark, run_benchmark


def make_job(name: str, system: str, seed: int, threads: int, data: Path) -> Job:
    """Return what one training is; every system learns every set."""
    return Job(system, data, SETS[name].lang, SETS[name].exclusive, seed, threads)


BENCHMARK: Final = Benchmark(
    name="accuracy",
    about=__doc__,
    cell="accuracy_cell.py",
    sets=SETS,
    systems=SYSTEMS,
    read=available,
    write=write_set,
    job=make_job,
    table=draw_table,
    page=page,
    optional_sets=("imdb-full",),
    optional_systems=("fasttext-autotune",),
)


def main() -> None:
    run_benchmark(BENCHMARK)


if __name__ == "__main__":
    main()
