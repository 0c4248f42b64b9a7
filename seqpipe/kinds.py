"""The kinds of part: one table that hooks, registries, pipeline files, checks and templates use.

To add a kind, add a row here, its hook in `seqpipe.hookspecs`, its contract in a folder of its own, its checks in
`seqpipe.testing`, and a template in ``seqpipe/scaffold/templates``.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """One kind of part.

    Attributes:
        name: "heads". The hook and the registry are called ``seqpipe_heads``, so a block names a part by the
            key ``@seqpipe_heads``.
        one: The name of a single part, and of a block that contains one: "head".
        sizes: What the host supplies to a factory by position.
        default: The part that's used where a pipeline file gives only settings; "" if there's none.
        section: The section of a pipeline file for it.
        checks: The function that returns the checks of the kind's contract: "package.module:function".
        example: The class that a new plugin starts with, see `seqpipe.scaffold`.
        summary: A phrase that describes that class.
    """

    name: str
    one: str
    default: str
    section: str
    checks: str
    example: str
    summary: str
    sizes: tuple[str, ...] = ()

    @property
    def registry(self) -> str:
        """The key of a block that names a part of this kind."""
        return f"@seqpipe_{self.name}"


_TABLE: Final = (
    Kind(
        "tokenizers",
        "tokenizer",
        default="seqpipe.SpacyRules.v1",
        section="tokenizer",
        checks="seqpipe.testing._tokenizers:tokenizer_checks",
        example="Identifiers",
        summary="a tokenizer that splits identifiers in source code",
    ),
    Kind(
        "embedders",
        "embedder",
        default="seqpipe.FastText.v1",
        section="embedder",
        checks="seqpipe.testing._embedders:embedder_checks",
        example="PPMI",
        summary="an embedder that counts which words occur near each other",
    ),
    Kind(
        "cells",
        "cell",
        sizes=("input_width", "width"),
        default="seqpipe.LSTM.v1",
        section="encoder.cell",
        checks="seqpipe.testing._cells:cell_checks",
        example="PeepholeLSTM",
        summary="an LSTM cell whose gates see the cell state",
    ),
    Kind(
        "encoders",
        "encoder",
        sizes=("input_width",),
        default="seqpipe.Recurrent.v1",
        section="encoder",
        checks="seqpipe.testing._encoders:encoder_checks",
        example="GatedConvolution",
        summary="an encoder that reads each word with its neighbours",
    ),
    Kind(
        "heads",
        "head",
        sizes=("input_width", "output_width"),
        default="seqpipe.TextClassifier.v2",
        section="head",
        checks="seqpipe.testing._heads:head_checks",
        example="TopMean",
        summary="a head that classifies a text by its strongest values",
    ),
    Kind(
        "tasks",
        "task",
        default="seqpipe.TextClasses.v1",
        section="task",
        checks="seqpipe.testing._tasks:task_checks",
        example="Counts",
        summary="a task that has a pipeline predict counts",
    ),
    Kind(
        "classifiers",
        "classifier",
        default="seqpipe.FastTextClassifier.v1",
        section="classifier",
        checks="seqpipe.testing._classifiers:classifier_checks",
        example="NaiveBayes",
        summary="a classifier that counts which words occur with which labels",
    ),
)

#: The kinds by name, in the order of the documentation.
KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in _TABLE}
