"""What a pipeline learns: from rows of data to examples, labels, truths, annotations and scores.

A task is one folder here, or one class of a plugin. Its head, among `seqpipe.parts.heads`, has the loss.
"""

from seqpipe.tasks._contract import Task as Task
from seqpipe.tasks._output import FIELD_TYPES as FIELD_TYPES
from seqpipe.tasks._output import Field as Field
from seqpipe.tasks._output import FieldType as FieldType
from seqpipe.tasks._output import Judgement as Judgement
from seqpipe.tasks._output import Wanted as Wanted
from seqpipe.tasks._output import label_fields as label_fields
from seqpipe.tasks._output import label_values as label_values
from seqpipe.tasks._output import rounded as rounded

__all__ = [
    "FIELD_TYPES",
    "Field",
    "FieldType",
    "Judgement",
    "Task",
    "Wanted",
    "label_fields",
    "label_values",
    "rounded",
]
