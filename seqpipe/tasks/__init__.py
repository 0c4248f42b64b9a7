"""What a pipeline learns: from rows of data to examples, labels, truths, annotations and scores.

A task is one folder here, or one class of a plugin. Its head, among `seqpipe.parts.heads`, has the loss.
"""

from seqpipe.tasks._contract import Task as Task

__all__ = ["Task"]
