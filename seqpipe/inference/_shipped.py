"""What a worker of Dask has of a job. Importing this needs Dask."""

import io
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin

from seqpipe.inference._sources import Item
from seqpipe.inference._work import Done, Work

#: In a worker, what it does for each job.
_works: dict[str, Work] = {}


class Shipped(WorkerPlugin):  # type: ignore[misc]
    """A plugin of Dask's that brings the work, with the model's files, to each worker once, to one that's restarted too.

    Args:
        work: What's done there.
        name: What the job is called.
    """

    def __init__(self, work: Work, name: str) -> None:
        self.name = f"seqpipe-{name}"
        self._job = name
        self._work = work
        model = Path(work.predictor.model)
        self._files = _packed(model) if model.is_dir() else None
        self._folder: Path | None = None

    def setup(self, worker: Any) -> None:
        """Unpack the model beside the worker's own files."""
        if self._files is not None:
            self._folder = Path(tempfile.mkdtemp(prefix="seqpipe-model-"))
            with tarfile.open(fileobj=io.BytesIO(self._files)) as archive:
                archive.extractall(self._folder, filter="data")
            self._work.predictor.model = str(self._folder)
        _works[self._job] = self._work

    def teardown(self, worker: Any) -> None:
        """Remove the model again."""
        _works.pop(self._job, None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _packed(model: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(model, ".")
    return packed.getvalue()


def do_shipped(job: str, batch: Sequence[Item]) -> Done:
    """Do the work of a job, in a worker."""
    return _works[job](batch)
