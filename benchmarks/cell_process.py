"""The process that measures one cell of a benchmark: what it's given, what it answers, and its memory."""

import json
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def answer(measure: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Print as JSON, in the last line, what's measured of the job that the command has; or the error, if it fails."""
    given = json.loads(sys.argv[1])
    try:
        found = measure({**given, "data": Path(given["data"])})
    except Exception as error:
        traceback.print_exc()
        found = {"error": f"{type(error).__name__}: {error}"}
    print("\n" + json.dumps(found))


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
