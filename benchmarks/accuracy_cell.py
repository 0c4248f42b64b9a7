"""One cell of the benchmark of accuracy, in a process of its own: a system, trained and measured once.

Takes the job as JSON and prints the figures as JSON, in the last line; or the error, if it failed. The
working directory is a folder for whatever the system leaves.
"""

import time
from pathlib import Path
from typing import Any

from accuracy_systems import Job, load_system, share_right, size_on_disk, texts_of
from cell_process import answer, peak_memory
from text_sets import read_set


def measure(job: Job) -> dict[str, Any]:
    """Train a system and predict the test part.

    Training begins with the rows in memory, so tokenising counts, and so does each fit that picking a setting
    takes. Prediction begins with texts, and tokenising counts again. Times are in seconds by the clock,
    memory and size in bytes.
    """
    parts = read_set(job.data)
    fit = load_system(job.system)
    start = time.perf_counter()
    trained = fit(job, parts)
    training = time.perf_counter() - start - trained.other_seconds
    memory = peak_memory()
    texts = texts_of(parts["test"])
    start = time.perf_counter()
    predicted = trained.predict(texts)
    predicting = time.perf_counter() - start
    folder = Path("saved")
    folder.mkdir()
    trained.save(folder)
    return {
        "score": share_right(predicted, parts["test"]),
        "train_seconds": training,
        "texts_per_second": len(texts) / predicting,
        "bytes": size_on_disk(folder),
        "memory": memory,
        "notes": trained.notes,
    }


def main() -> None:
    answer(lambda given: measure(Job(**given)))


if __name__ == "__main__":
    main()
