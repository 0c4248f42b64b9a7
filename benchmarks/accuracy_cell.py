"""One cell of the benchmark of accuracy, in a process of its own: a system, trained and measured once.

Takes the job as JSON and prints the figures as JSON, in the last line; or the error, if it failed. The
working directory is a folder for whatever the system leaves.
"""

import json
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from accuracy_systems import Job, load_system, share_right, size_on_disk, texts_of
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


def peak_memory() -> int:
    """Return the most that this process, or any that it started, had in memory at a time."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, others = (resource.getrusage(who).ru_maxrss for who in both)
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux a new process's figure begins with that of the process that started it; this one doesn't.
        lines = status.read_text(encoding="utf-8").splitlines()
        own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    # Kilobytes on Linux, bytes on macOS.
    return max(own, others) * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    given = json.loads(sys.argv[1])
    try:
        found = measure(Job(**{**given, "data": Path(given["data"])}))
    except Exception as error:
        traceback.print_exc()
        found = {"error": f"{type(error).__name__}: {error}"}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
