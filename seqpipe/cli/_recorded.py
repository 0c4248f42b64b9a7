"""Reports mistakes in a pipeline file before torch and spaCy are imported, which takes seconds."""

from collections.abc import Sequence
from pathlib import Path

from seqpipe.config import PipelineFile, check_by_record, read, record_facts


def read_checked(file: Path, overrides: Sequence[str]) -> tuple[PipelineFile, bool]:
    """Read a pipeline file, and check it against the recorded signatures of parts and of spaCy.

    If something that the file needs isn't recorded, it's recorded now, and the file isn't checked yet.

    Returns:
        The file, and whether it was checked.

    Raises:
        PipelineFileError: There are errors in it.
    """
    source = read(file, overrides)
    is_checked = check_by_record(source)
    if not is_checked:
        record_facts(source.lang)
    return source, is_checked
