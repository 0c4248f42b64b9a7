"""A pipeline that's measured in this process, where it matters what is measured, not how isolated it is."""

import contextlib

from seqpipe.benchmarking._process import _Measuring


class InProcess(contextlib.nullcontext):
    """In the place of `seqpipe.benchmarking._process.Process`."""

    def __init__(self, settings):
        super().__init__(self)
        self.model = str(settings["model"])
        self._measuring = _Measuring(settings)

    def ask(self, name, *arguments):
        return getattr(self._measuring, name)(*arguments)
