"""One cell of the benchmark of words, in a process of its own: a system, trained and measured once.

The working directory is a folder for whatever the system leaves.
"""

import time
from pathlib import Path
from typing import Any

from accuracy_systems import size_on_disk
from cell_process import answer, peak_memory
from word_sets import read_words
from words_scores import scores
from words_systems import WordsJob, count_words, load_words_system


def measure(job: WordsJob) -> dict[str, Any]:
    """Train a system and predict the test part.

    Training begins with the rows in memory. Prediction begins with words, or with the texts of pairs, and is done once.
    Times are in seconds by the clock, memory and size in bytes.
    """
    parts = read_words(job.name, job.data)
    fit = load_words_system(job.system)
    start = time.perf_counter()
    trained = fit(job, parts)
    training = time.perf_counter() - start - trained.other_seconds
    memory = peak_memory()
    test = parts["test"]
    start = time.perf_counter()
    predicted = trained.predict(test)
    predicting = time.perf_counter() - start
    folder = Path("saved")
    folder.mkdir()
    trained.save(folder)
    found = scores(job.known, predicted, test)
    return {
        "score": found[0],
        "scores": dict(zip(job.known.measures, found, strict=True)),
        "train_seconds": training,
        "words_per_second": count_words(test) / predicting,
        "bytes": size_on_disk(folder),
        "memory": memory,
        "notes": trained.notes,
    }


def main() -> None:
    answer(lambda given: measure(WordsJob(**given)))


if __name__ == "__main__":
    main()
