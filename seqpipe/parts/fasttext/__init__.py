"""What all trainings by the fastText library share.

The build that's installed, how words are written for it, the process that it runs in, and how that
reports its progress.
"""

from seqpipe.parts.fasttext._library import is_written_as_it_is as is_written_as_it_is
from seqpipe.parts.fasttext._library import library_seed as library_seed
from seqpipe.parts.fasttext._library import library_version as library_version
from seqpipe.parts.fasttext._library import unwritten as unwritten
from seqpipe.parts.fasttext._library import written as written
from seqpipe.parts.fasttext._progress import Progress as Progress
from seqpipe.parts.fasttext._serve import begin as begin
from seqpipe.parts.fasttext._serve import explained as explained
from seqpipe.parts.fasttext._serve import train as train

__all__ = [
    "Progress",
    "begin",
    "explained",
    "is_written_as_it_is",
    "library_seed",
    "library_version",
    "train",
    "unwritten",
    "written",
]
