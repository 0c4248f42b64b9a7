"""Every error that seqpipe raises on purpose.

SeqpipeError
├── ConfigError        a pipeline file that can't be read, or that has errors
│   └── PipelineFileError   with the place of each error, in `seqpipe.config`
├── DataError          a row, file or folder of data that can't be used
├── PluginError        a plugin that's missing, broken or breaks its contract
├── TokenizerError     a tokenizer that can't be fitted, or is used before it's fitted
├── EmbedderError      an embedder that can't be fitted, or is used before it's fitted
├── ClassifierError    a classifier that can't be fitted, or is used before it's fitted
├── LanguageModelError a language model that's used before it's trained
├── NotFiniteError     a loss, gradient, weight, score or prediction that's NaN or infinite
├── SavedModelError    a saved model that's missing, damaged, or can't be written
│   └── ReplacedError       a model that was replaced while it was read
├── ExportError        a pipeline, or a part of one, that can't be exported
├── PlotError          a figure without matplotlib, in `seqpipe.diagnostics`
├── PictureError       a picture of vectors that can't be drawn, in `seqpipe.pictures`
└── InterruptedRun     a run stopped by Ctrl-C or SIGTERM

Each message names what was wrong and where, and what to do about it.
"""

from pathlib import Path


class SeqpipeError(Exception):
    """The base of all errors that seqpipe raises on purpose."""


class ConfigError(SeqpipeError):
    """A pipeline file that can't be read, or that has errors.

    Args:
        message: What's wrong, with the name of the setting between backticks.
        setting: The key of the part's section that's at fault, if the message names several or none.
    """

    def __init__(self, message: str = "", *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class DataError(SeqpipeError):
    """A row, file or folder of data that can't be used."""


class PluginError(SeqpipeError):
    """A plugin that's missing, broken or breaks its contract."""


class TokenizerError(SeqpipeError):
    """A tokenizer can't be fitted, or is used before it's fitted."""


class EmbedderError(SeqpipeError):
    """An embedder that can't be fitted, or is used before it's fitted."""


class ClassifierError(SeqpipeError):
    """A classifier that can't be fitted, or is used before it's fitted."""


class LanguageModelError(SeqpipeError):
    """A language model that's used before it's trained, or that isn't there."""


class NotFiniteError(SeqpipeError):
    """A loss, gradient, weight, score or prediction that's NaN or infinite."""


class SavedModelError(SeqpipeError):
    """A saved model that's missing, damaged, or can't be written."""


class ReplacedError(SavedModelError):
    """A model was replaced, or written into, while it was read.

    Args:
        folder: The model's.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} was replaced while it was read: load it again. Nothing was loaded, as some parts "
            "would be from the old model and others from the new one."
        )


class ExportError(SeqpipeError):
    """A pipeline, or a part of one, can't be exported, or what exports it isn't installed."""


class InterruptedRun(SeqpipeError):
    """A run was stopped by Ctrl-C or SIGTERM; the message says in which stage, and what was kept."""
