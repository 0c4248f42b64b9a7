"""The task of numbers: grades, prices, similarities."""

from seqpipe.tasks.numbers._task import Numbers as Numbers

__all__ = ["Numbers"]
