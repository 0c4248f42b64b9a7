"""Answers mistakes in a pipeline file before torch and spaCy are imported, which takes seconds."""

from collections.abc import Sequence
from pathlib import Path


def check_file(file: Path, overrides: Sequence[str]) -> bool:
    """Check a pipeline file by what's recorded of parts and of spaCy.

    Where not all is recorded that the file needs, it's recorded now, and the file isn't checked yet.

    Returns:
        Whether the file was checked.

    Raises:
        PipelineFileError: There are errors in it.
    """
    from seqpipe.config import check_by_record, read, record_facts

    source = read(file, overrides)
    if check_by_record(source):
        return True
    record_facts(source.lang)
    return False
