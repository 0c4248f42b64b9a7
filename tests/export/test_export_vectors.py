"""Vectors of an embedder's tables are those that it gives itself, of known words and of unknown ones."""

from pathlib import Path

import numpy as np
import pytest

from seqpipe.errors import ExportError
from seqpipe.export._folder import _write_table
from seqpipe.export.reader import Table
from seqpipe.inference import load_pipeline
from seqpipe.parts.embedders import DocumentEmbedder, vector_tables

SAVED = Path(__file__).parents[1] / "saved_models"
WORDS = [
    "wave",
    "Wave",
    "oak",
    "gullible",
    "x",
    "</s>",
    "a\x1ab",
    "\ud800x",
    "海",
    "\U000f002f",
    "",
]


@pytest.mark.parametrize(
    "name", ["embedding", "retrofitted", "counter-fitted", "pretrained", "side-by-side"]
)
def test_tables_give_the_vectors_of_the_embedder(name, tmp_path):
    embedder = load_pipeline(str(SAVED / name)).vocab.vectors.embedder
    words = [*WORDS, *embedder.vocabulary]
    found = []
    for number, table in enumerate(vector_tables(embedder)):
        _write_table(tmp_path, f"vectors{number}", table)
        found.append(Table(tmp_path, f"vectors{number}").vectors(words))
    np.testing.assert_allclose(np.concatenate(found, axis=1), embedder.embed(words), atol=1e-6)


class Unknown(DocumentEmbedder):
    """Is of a plugin."""

    vocabulary = ()
    embed = embed_document = fit = to_disk = from_disk = None


def test_other_embedders_are_refused_by_name():
    with pytest.raises(ExportError, match="the embedder Unknown can't be exported"):
        vector_tables(Unknown())
