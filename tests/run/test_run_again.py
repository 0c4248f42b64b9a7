"""The config.cfg of a run's output can be run again, by `seqpipe run` and by `spacy train`."""

import pytest
from spacy.cli.train import train

from seqpipe.run import run

DATA = '[data]\n@readers = "seqpipe.Csv.v1"\npath = "{path}"\n'
TRAINED = """
[encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 4
engine = "plain"

[head]
@seqpipe_heads = "seqpipe.TextClassifier.v1"

[training]
max_steps = 1
"""
EMBEDDER = """
[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 4
epochs = 1
min_count = 1
"""
NO_VECTORS = """
[embedder]
@seqpipe_embedders = "seqpipe.FastText.v1"
trained_width = 4
trained_rows = 20

[nlp.vectors]
@vectors = "spacy.Vectors.v1"

[initialize]
before_init = null
"""
CLASSIFIER = """
[classifier]
@seqpipe_classifiers = "seqpipe.FastTextClassifier.v1"
width = 4
buckets = 10
"""
TAGGER = """
[nlp]
lang = "en"
pipeline = ["tagger"]

[components]

[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "seqpipe.Encoder.v1"
trained_width = 4
trained_rows = 20

[components.tagger.model.tok2vec.encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 4
engine = "plain"

[components.tagger.model.tok2vec.encoder.cell]
@seqpipe_cells = "seqpipe.GRU.v1"

[corpora]

[corpora.train]
@readers = "tests.Tagged.v1"

[corpora.dev]
@readers = "tests.Tagged.v1"

[training]
max_steps = 1
"""


@pytest.fixture(autouse=True, scope="module")
def tagged():
    from spacy import registry
    from spacy.training import Example

    @registry.readers("tests.Tagged.v1")
    def make_tagged():
        truth = {"tags": ["PRP", "VBP"]}
        return lambda nlp: [Example.from_dict(nlp.make_doc("I run"), truth)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(DATA + EMBEDDER + TRAINED, id="trained"),
        pytest.param(DATA + NO_VECTORS + TRAINED, id="trained without vectors"),
        pytest.param(DATA + EMBEDDER, id="embedding"),
        pytest.param(DATA + CLASSIFIER, id="classifier"),
        pytest.param(TAGGER, id="tagger"),
    ],
)
def test_config_of_a_finished_run_can_be_run_again_and_trained_by_spacy(text, tmp_path):
    rows = [f"so fine a film {i},good\na dull film {i},bad\n" for i in range(10)]
    (tmp_path / "rows.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    file = tmp_path / "file.cfg"
    path = (tmp_path / "rows.csv").as_posix()
    file.write_text(text.replace("{path}", path), encoding="utf-8")
    first = run(file, output=tmp_path / "first")
    again = run(tmp_path / "first" / "config.cfg", output=tmp_path / "again")
    assert again.report.keys() == first.report.keys()
    for part in ("test", "data"):
        assert again.report[part] == first.report[part] if part in first.report else True
    # A classifier has one evaluation, after no epoch of ours: run as something else, it'd have another.
    epochs = [[line["epoch"] for line in one.report.get("history", [])] for one in (first, again)]
    assert epochs[0] == epochs[1]
    assert (tmp_path / "again" / "report.json").exists() and again.model.is_dir()
    train(tmp_path / "first" / "config.cfg", output_path=tmp_path / "spacy")
    assert (tmp_path / "spacy" / "model-last").is_dir()
