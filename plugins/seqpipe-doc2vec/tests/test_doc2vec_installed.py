"""Pipeline files find the embedders, and train with them."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from seqpipe.plugins import find_part

from seqpipe_doc2vec._bag import BagOfWords, BagOfWords2
from seqpipe_doc2vec._lda import Lda
from seqpipe_doc2vec._lsi import Lsi
from seqpipe_doc2vec._memory import DistributedMemory, DistributedMemory2
from seqpipe_doc2vec._sif import Sif

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
EXAMPLE = (PACKAGE / "example/pipeline.cfg").read_text(encoding="utf-8")
PARTS = {
    "doc2vec.DistributedMemory.v1": DistributedMemory,
    "doc2vec.BagOfWords.v1": BagOfWords,
    "doc2vec.DistributedMemory.v2": DistributedMemory2,
    "doc2vec.BagOfWords.v2": BagOfWords2,
    "doc2vec.Sif.v1": Sif,
    "doc2vec.Lsi.v1": Lsi,
    "doc2vec.Lda.v1": Lda,
}


@pytest.mark.parametrize(("name", "factory"), PARTS.items())
def test_entry_point_leads_to_the_part(name, factory):
    part = find_part("embedders", name)
    assert part.factory is factory
    assert "seqpipe-doc2vec" in str(part.owner)


def test_listing_imports_no_library():
    code = (
        "import sys, seqpipe_doc2vec\n"
        "print(len(seqpipe_doc2vec.seqpipe_embedders()))\n"
        "print(sorted({'gensim', 'numpy', 'scipy', 'spacy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["7", "[]"]


def test_readme_shows_the_section_of_the_example():
    section = next(part for part in EXAMPLE.split("\n\n") if part.startswith("[embedder]"))
    assert section.rstrip() in README


@pytest.mark.parametrize("factory", PARTS.values())
def test_readme_lists_the_settings(factory):
    for name, parameter in inspect.signature(factory).parameters.items():
        missing = parameter.default is parameter.empty
        default = "required" if missing else f"`{json.dumps(parameter.default)}`"
        row = rf"^\| `{name}` \| .* \| {re.escape(default)} \| .* \|$"
        assert re.search(row, README, re.MULTILINE), (name, default)
