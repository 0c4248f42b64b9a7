"""What all trainings by the fastText library have in common.

The build that's installed, how words are written for it, the process that it runs in, and what that
tells of its progress.
"""

from seqpipe.parts._fasttext._library import library_version as library_version
from seqpipe.parts._fasttext._progress import Progress as Progress
from seqpipe.parts._fasttext._seed import library_seed as library_seed
from seqpipe.parts._fasttext._serve import begin as begin
from seqpipe.parts._fasttext._serve import explained as explained
from seqpipe.parts._fasttext._serve import train as train
from seqpipe.parts._fasttext._written import is_written_as_it_is as is_written_as_it_is
from seqpipe.parts._fasttext._written import unwritten as unwritten
from seqpipe.parts._fasttext._written import written as written

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
