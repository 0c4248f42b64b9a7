"""Pipeline files find the parts, and train with them."""

import importlib.metadata
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy
from seqpipe.plugins import find_part
from seqpipe.run import run

import seqpipe_graph
from seqpipe_graph import _classification, _labels, _prediction
from seqpipe_graph._classification import NodeClassification
from seqpipe_graph._edges import Edges
from seqpipe_graph._embedders import DeepWalk, Node2Vec
from seqpipe_graph._embedders2 import DeepWalk2, Node2Vec2
from seqpipe_graph._npz import Npz
from seqpipe_graph._prediction import LinkPrediction

PACKAGE = Path(__file__).parent.parent
PARTS = {
    "graph.DeepWalk.v1": DeepWalk,
    "graph.Node2Vec.v1": Node2Vec,
    "graph.DeepWalk.v2": DeepWalk2,
    "graph.Node2Vec.v2": Node2Vec2,
}
READERS = {"graph.Edges.v1": Edges, "graph.Npz.v1": Npz}
SCORERS = {
    "graph.NodeClassification.v1": NodeClassification,
    "graph.LinkPrediction.v1": LinkPrediction,
}


@pytest.mark.parametrize(("name", "factory"), PARTS.items())
def test_entry_point_leads_to_the_part(name, factory):
    part = find_part("embedders", name)
    assert part.factory is factory
    assert "seqpipe-graph" in str(part.owner)


@pytest.mark.parametrize(("group", "made"), [("readers", READERS), ("scorers", SCORERS)])
def test_entry_points_lead_to_readers_and_scorers(group, made):
    found = importlib.metadata.entry_points(group=f"spacy_{group}")
    ours = {entry.name: entry.load() for entry in found if entry.name.startswith("graph.")}
    assert ours == made


def test_listing_imports_no_part():
    heavy = "{'numpy', 'scipy', 'sklearn', 'torch', 'spacy', 'seqpipe_graph._graph'}"
    code = (
        "import sys, seqpipe_graph\n"
        "print(len(seqpipe_graph.seqpipe_embedders()))\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["4", "[]"]


@pytest.mark.parametrize("module", [_classification, _labels, _prediction])
def test_scorers_import_scikit_learn_only_to_score(module):
    # spaCy imports all scorers to list them, in runs that use none of them.
    held = [getattr(value, "__module__", None) or "" for value in vars(module).values()]
    assert not [name for name in held if name.partition(".")[0] == "sklearn"]


def test_names_of_the_library_are_there():
    for name in seqpipe_graph.__all__:
        assert getattr(seqpipe_graph, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Grph'"):
        seqpipe_graph.Grph  # noqa: B018


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    output = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PACKAGE)
        # Edges are held out only so that they can be predicted.
        return run(
            Path("example/pipeline.cfg"),
            output=output,
            overrides=[
                *("--data.split", '{"train": 0.8, "test": 0.2}'),
                *("--evaluation.links.@scorers", "graph.LinkPrediction.v1"),
            ],
        )


def test_example_trains_and_is_scored(trained):
    scores = trained.report["embedding"]
    found = scores["clubs"]["0.3"]
    assert found["accuracy"] >= 0.8 > found["majority_micro_f1"]
    assert scores["clubs"]["coverage"] >= 0.9
    assert scores["links"]["covered"] >= 4
    assert 0 <= scores["links"]["cosine"]["auc"] <= 1
    assert "graph" in trained.report["plugins"]
    json.dumps(scores)


def test_example_is_a_pipeline_with_vectors(trained):
    nlp = spacy.load(trained.model)
    first, other, unknown = nlp("1 34 stranger")
    assert first.vector.shape == (16,)
    assert np.isfinite(first.vector).all() and first.vector.any() and other.vector.any()
    assert not unknown.vector.any()


def test_readme_shows_the_sections_of_the_example():
    example = (PACKAGE / "example/pipeline.cfg").read_text(encoding="utf-8")
    for section in example.split("\n\n")[1:]:
        assert section.strip() in readme()


@pytest.mark.parametrize(("name", "factory"), [*(PARTS | READERS | SCORERS).items()])
def test_readme_lists_the_settings(name, factory):
    _, _, section = readme().partition(f"### {name}\n")
    section = section.partition("\n### ")[0].partition("\n## ")[0]
    for setting, parameter in inspect.signature(factory).parameters.items():
        required = parameter.default is inspect.Parameter.empty
        default = "required" if required else f"`{json.dumps(parameter.default)}`"
        row = rf"^\| `{setting}` \| .* \| {re.escape(default)} \| .* \|$"
        assert re.search(row, section, re.MULTILINE), (setting, default)


def readme():
    return (PACKAGE / "README.md").read_text(encoding="utf-8")
