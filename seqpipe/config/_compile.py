"""From a pipeline file to a complete spaCy configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqpipe.config._check import check
from seqpipe.config._dollars import without_dollars
from seqpipe.config._expand import expand
from seqpipe.config._read import read
from seqpipe.plugins import find_part


def compile_file(path: Path, overrides: Sequence[str] = (), *, is_checked: bool = False) -> Any:
    """Read, check and expand a pipeline file, and fill in spaCy's defaults.

    Args:
        path: The pipeline file.
        overrides: Settings that replace those of the file: ``["--encoder.width", "128"]``.
        is_checked: Whether `check_by_record` has found the file good.

    Returns:
        A `confection.Config` that `spacy train` takes; variables stand in it uninterpolated.

    Raises:
        ConfigError: The file can't be read, or asks for what can't be done.
        PluginError: A part can't be had.
    """
    file = read(path, overrides)
    # spaCy takes seconds to import: errors of syntax are on the screen before.
    from confection import Config
    from spacy.language import DEFAULT_CONFIG
    from spacy.util import CONFIG_SECTION_ORDER

    if not is_checked:
        check(file)
    expansion = without_dollars(expand(file.sections, find_part))
    expanded = Config(expansion, is_interpolated=False)
    return Config(DEFAULT_CONFIG, section_order=CONFIG_SECTION_ORDER).merge(expanded)
