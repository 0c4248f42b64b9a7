"""spaCy's own commands on configurations that name our parts."""

import spacy
from spacy.cli.init_config import fill_config
from spacy.util import load_config_from_str

CONFIG = """
[paths]

[system]

[nlp]
lang = "en"
pipeline = ["tok2vec", "tagger"]

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "seqpipe.Encoder.v1"

[components.tok2vec.model.encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 64

[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 64
"""


def test_all_that_an_encoder_leaves_out_is_filled_in(tmp_path):
    (tmp_path / "base.cfg").write_text(CONFIG, encoding="utf-8")
    fill_config(tmp_path / "full.cfg", tmp_path / "base.cfg", silent=True)
    config = load_config_from_str((tmp_path / "full.cfg").read_text("utf-8"))
    encoder = config["components"]["tok2vec"]["model"]["encoder"]
    assert encoder["width"] == 64
    assert encoder["cell"] is None
    assert encoder["residual"] is False
    spacy.util.load_model_from_config(config)
