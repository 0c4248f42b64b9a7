"""Where what can be made again is kept between runs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return `$SEQPIPE_CACHE`, or the folder `seqpipe` below `$XDG_CACHE_HOME` or `~/.cache`; it may not exist.

    Raises:
        RuntimeError: The user has no home.
    """
    wanted = os.environ.get("SEQPIPE_CACHE")
    if wanted:
        return Path(wanted)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "seqpipe"
