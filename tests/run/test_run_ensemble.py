"""Pipelines with an ensemble of encoders: from a file to a saved model, for classes of texts and labels of words."""

import pytest
import spacy

from seqpipe.messages import PipelineFileError
from seqpipe.run import run

TEXTS = {"good": "a fine film", "bad": "a dull and sad film"}
FILE = """
[data]
{data}

[embedder]
@seqpipe_embedders = "seqpipe.Word2Vec.v1"
width = 8
epochs = 1
min_count = 1
trained_width = 8

[encoder]
width = 8
ensemble = {ensemble}

[head]
@seqpipe_heads = "seqpipe.{head}.v1"

[training]
max_epochs = 25
eval_frequency = 25

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"
learn_rate = 0.02
"""


@pytest.fixture
def write(tmp_path):
    texts = tmp_path / "texts.csv"
    rows = [f"{label},{text} of {year}" for label, text in TEXTS.items() for year in range(40)]
    texts.write_text("label,text\n" + "\n".join(rows) + "\n", encoding="utf-8")
    words = tmp_path / "words.conll"
    lines = "see O\nBath B-LOC\nin O\n{0} O\n\nsee O\nAda B-PER\nByron I-PER\nin O\n{0} O\n\n"
    words.write_text("".join(lines.format(year) for year in range(40)), encoding="utf-8")
    data = {
        "TextClassifier": f'@readers = "seqpipe.Csv.v1"\npath = "{texts}"',
        "Crf": f'@readers = "seqpipe.Columns.v1"\npath = "{words}"',
    }

    def write(head, ensemble=2):
        file = tmp_path / f"{head}.cfg"
        file.write_text(
            FILE.format(data=data[head], head=head, ensemble=ensemble), encoding="utf-8"
        )
        return file

    return write


def predicted(nlp, text):
    doc = nlp(text)
    return doc.cats, [token.tag_ for token in doc if token.tag_]


@pytest.mark.parametrize("head", ["TextClassifier", "Crf"])
def test_ensemble_is_trained_and_saved_as_one_pipeline(write, tmp_path, head):
    result = run(write(head), output=tmp_path / "out")
    assert result.report["dev"]["score"] == 1.0
    nlp = spacy.load(tmp_path / "out" / "model-best")
    assert nlp.get_pipe("tok2vec").model.get_dim("nO") == 16
    text = "a fine film of 7" if head == "TextClassifier" else "see Ada Byron in 7"
    cats, tags = predicted(nlp, text)
    assert tags == (["O", "B-PER", "I-PER", "O", "O"] if head == "Crf" else [])
    assert (max(cats, key=cats.get) == "good") if cats else head == "Crf"
    copied = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert predicted(copied, text) == (cats, tags)


@pytest.mark.parametrize(
    ("ensemble", "says"), [("0", "at least one encoder is needed"), ("2.5", "expected an integer")]
)
def test_size_that_cannot_be_is_refused_at_its_place(write, tmp_path, ensemble, says):
    with pytest.raises(PipelineFileError) as error:
        run(write("TextClassifier", ensemble), output=tmp_path / "out")
    assert "ensemble" in str(error.value) and says in str(error.value)
    assert error.value.diagnostics[0].place.line == 15
