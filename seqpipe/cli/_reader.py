"""How a data file is read that's named on the command line beside a saved pipeline."""

from pathlib import Path
from typing import Any, Final

#: So many lines of a file are looked at to find out what it is.
_LOOKED_AT: Final = 1000


def reader_of(
    nlp: Any, data: str, part: str, *, text: str | None = None, label: str | None = None
) -> Any:
    """Return the settings of a reader of a file, for a saved pipeline.

    Args:
        nlp: The pipeline. A file of the kind that it was trained on is read in the same way.
        data: The file; a pipeline file stands for the data that it names.
        part: Which part of the data of a pipeline file.
        text: The column or key of the texts; None for what the file looks like.
        label: That of the labels.

    Raises:
        ConfigError: A pipeline file names no reader.
        DataError: The file can't be read, or nothing in it looks like texts.
    """
    from seqpipe.data import guess, scan, settings_of
    from seqpipe.inference import trained_on
    from seqpipe.parts.readers import data_suffix

    if data.lower().endswith(".cfg"):
        return _of_pipeline_file(Path(data), part)
    trained = dict(trained_on(nlp))
    is_alike = data_suffix(str(trained.get("path", ""))) == data_suffix(data)
    if "path" in trained and is_alike and text is None and label is None:
        return {**trained, "path": data}
    scanned = scan(data, most=_LOOKED_AT)
    return settings_of(scanned, guess(scanned, text=text, label=label))


def _of_pipeline_file(file: Path, part: str) -> Any:
    from seqpipe.config import read
    from seqpipe.errors import ConfigError

    section = read(file).sections.get("data")
    own = section.get(part) if isinstance(section, dict) else None
    found = own if isinstance(own, dict) else section
    if not isinstance(found, dict) or "@readers" not in found:
        raise ConfigError(f"{file} names no reader in [data] or [data.{part}]")
    return {
        key: value for key, value in found.items() if key not in ("train", "dev", "test", "split")
    }
