"""Check a saved model before anything in it is parsed."""

from pathlib import Path

from seqpipe.storage._check import check_folder
from seqpipe.storage._recover import recover


def verify_folder(path: Path) -> None:
    """Check that a saved model holds the files of its manifest, unchanged, and no others among them.

    Reads every file once. What an interrupted save left behind is put right first. A README, a licence and
    other files that no part reads may have been added, and ``meta.json`` may have been rewritten.

    Raises:
        SavedModelError: The folder or its manifest is missing or damaged, a file is missing, has
            another size or content or can't be read, or there is a file among them that the manifest
            doesn't name, or a symbolic link.
    """
    recover(path)
    check_folder(path)
