"""Pipeline files find the parts, and train with them."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from seqpipe.plugins import find_part
from seqpipe.run import run
from spacy.util import registry

from seqpipe_item2vec._baskets import Baskets
from seqpipe_item2vec._histories import Histories
from seqpipe_item2vec._item2vec import Item2Vec
from seqpipe_item2vec._item2vec2 import Item2Vec2
from seqpipe_item2vec._next_items import make_next_items

PACKAGE = Path(__file__).parent.parent
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
EXAMPLE = (PACKAGE / "example/pipeline.cfg").read_text(encoding="utf-8")
PARTS = (Item2Vec, Item2Vec2, Baskets, Histories, make_next_items)


def test_entry_points_lead_to_the_parts():
    for name, factory in {
        "item2vec.Item2Vec.v1": Item2Vec,
        "item2vec.Item2Vec.v2": Item2Vec2,
    }.items():
        part = find_part("embedders", name)
        assert part.factory is factory
        assert "seqpipe-item2vec" in str(part.owner)
    assert registry.readers.get("item2vec.Baskets.v1") is Baskets
    assert registry.readers.get("item2vec.Histories.v1") is Histories
    assert registry.scorers.get("item2vec.NextItems.v1") is make_next_items


def test_listing_imports_no_library():
    code = (
        "import sys, seqpipe_item2vec\n"
        "print(len(seqpipe_item2vec.seqpipe_embedders()))\n"
        "print(sorted({'gensim', 'numpy', 'scipy', 'spacy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["2", "[]"]


def test_example_trains_and_its_items_have_vectors(tmp_path, monkeypatch):
    monkeypatch.chdir(PACKAGE)
    result = run(Path("example/pipeline.cfg"), output=tmp_path / "trained")
    scores = result.report["embedding"]["next_items"]
    assert scores["predicted"]["hit_rate"] > 2 * scores["popularity"]["hit_rate"]
    assert "item2vec" in result.report["plugins"]
    embedder = spacy.load(result.model).vocab.vectors.embedder
    assert isinstance(embedder, Item2Vec2)
    likely = dict(zip(embedder.vocabulary, embedder.predict(["curry paste"]), strict=True))
    assert min(likely[item] for item in ("rice", "chickpeas")) > likely["spaghetti"]


def test_readme_shows_sections_of_the_example():
    for name in ("embedder", "evaluation.next_items"):
        section = next(part for part in EXAMPLE.split("\n\n") if part.startswith(f"[{name}]"))
        assert section.rstrip() in README


@pytest.mark.parametrize("factory", PARTS, ids=lambda factory: factory.__name__)
def test_readme_lists_the_settings(factory):
    for name, parameter in inspect.signature(factory).parameters.items():
        missing = parameter.default is parameter.empty
        default = "required" if missing else f"`{json.dumps(parameter.default)}`"
        row = rf"^\| `{name}` \| .* \| {re.escape(default)} \| .* \|$"
        assert re.search(row, README, re.MULTILINE), (name, default)
