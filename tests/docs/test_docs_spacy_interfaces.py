"""Each row of the page's tables of spaCy's interfaces does what it says."""

import copy
import functools
import pickle
import re
import warnings

import numpy as np
import pytest
import spacy
import spacy.cli
from docs.pages import DOCS, table
from spacy.cli._util import app
from spacy.lang.en import English
from spacy.tokens import DocBin
from spacy.training import Example
from thinc.api import Adam
from typer.testing import CliRunner

from seqpipe.adapters import WordTokenizer
from seqpipe.parts.tokenizers import Whitespace

PAGE = DOCS / "spacy.md"
TEXT = "a good film"
MODEL = "trained/model-last"
CONFIG = """
[paths]
init_tok2vec = null

[nlp]
lang = "en"
pipeline = ["tok2vec", "textcat"]

[nlp.vectors]
@vectors = "seqpipe.Vectors.v1"

[nlp.vectors.embedder]
@seqpipe_embedders = "seqpipe.Pretrained.v1"
path = "{folder}/vectors.txt"

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "seqpipe.Encoder.v1"

[components.tok2vec.model.encoder]
@seqpipe_encoders = "seqpipe.Recurrent.v1"
width = 8

[components.tok2vec.model.encoder.cell]
@seqpipe_cells = "seqpipe.GRU.v1"

[components.textcat]
factory = "textcat"

[components.textcat.model]
@architectures = "seqpipe.Classifier.v1"

[components.textcat.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = 8
upstream = "tok2vec"

[corpora]

[corpora.train]
@readers = "spacy.Corpus.v1"
path = "{folder}/texts.spacy"
gold_preproc = false
max_length = 0
limit = 0

[corpora.dev]
@readers = "spacy.Corpus.v1"
path = "{folder}/texts.spacy"

[corpora.pretrain]
@readers = "spacy.JsonlCorpus.v1"
path = "{folder}/texts.jsonl"

[training]
max_steps = 1
eval_frequency = 1

[training.optimizer]
@optimizers = "seqpipe.AdamW.v1"

[initialize]
init_tok2vec = ${{paths.init_tok2vec}}

[initialize.before_init]
@callbacks = "seqpipe.FitEmbedder.v1"
corpus = ${{corpora.train}}

[pretraining]
component = "{component}"
layer = "{layer}"
max_epochs = 1
corpus = "corpora.pretrain"

[pretraining.objective]
{objective}
"""
CHARACTERS = """
@architectures = "spacy.PretrainCharacters.v1"
maxout_pieces = 1
hidden_size = 8
n_characters = 1
"""
VECTORS = """
@architectures = "spacy.PretrainVectors.v1"
maxout_pieces = 1
hidden_size = 8
loss = "cosine"
"""
SOURCED = """
[nlp]
lang = "en"
pipeline = ["tok2vec", "textcat"]

[nlp.vectors]
@vectors = "seqpipe.Vectors.v1"

[nlp.vectors.embedder]
@seqpipe_embedders = "seqpipe.Pretrained.v1"
path = "{folder}/vectors.txt"

[components]

[components.tok2vec]
source = "{folder}/trained/model-last"

[components.textcat]
source = "{folder}/trained/model-last"
"""


class World:
    """A folder with a trained pipeline, what it was trained on, and how.

    Attributes:
        nlp: The pipeline, whose `textcat` listens to its `tok2vec`.
        alone: The same without a listener.
    """

    def __init__(self, folder):
        self.folder = folder
        self._write_data()
        self.write_config("config.cfg")
        self.call("init fill-config config.cfg full.cfg --pretraining")
        (folder / "packages").mkdir()
        self.call("train full.cfg --output trained")
        self.nlp = spacy.load(folder / "trained" / "model-last")
        self.alone = self.load()
        self.alone.replace_listeners("tok2vec", "textcat", ["model.tok2vec"])
        self.alone.remove_pipe("tok2vec")

    def _write_data(self):
        nlp, both = spacy.blank("en"), []
        for text, good in ((TEXT, 1.0), ("a bad film", 0.0)):
            both.append(nlp.make_doc(text))
            both[-1].cats = {"good": good, "bad": 1 - good}
        DocBin(docs=both, store_user_data=True).to_disk(self.folder / "texts.spacy")
        # With fewer than a hundred, `spacy debug data` complains.
        DocBin(docs=both * 50, store_user_data=True).to_disk(self.folder / "many.spacy")
        rows = ['{"text": "a good film"}', '{"text": "a bad film"}']
        (self.folder / "texts.jsonl").write_text("\n".join(rows), encoding="utf-8")
        lines = ["a 1 0 1", "good 0 1 1", "bad 0 -1 1", "film 1 1 0"]
        (self.folder / "vectors.txt").write_text("4 3\n" + "\n".join(lines), encoding="utf-8")

    def write_config(self, name, component="tok2vec", layer="", objective=CHARACTERS):
        folder = self.folder.as_posix()
        text = CONFIG.format(folder=folder, component=component, layer=layer, objective=objective)
        (self.folder / name).write_text(text, encoding="utf-8")

    def load(self):
        return spacy.load(self.folder / "trained" / "model-last")

    def call(self, line):
        """Call a command of spaCy's with files of the folder, and return what it printed."""
        with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings():
            # spaCy's own commands leave files open.
            warnings.simplefilter("ignore", ResourceWarning)
            patched.chdir(self.folder)
            done = CliRunner().invoke(app, line.split(), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    @property
    def examples(self):
        cats = {"a good film": {"good": 1.0, "bad": 0.0}, "a bad film": {"good": 0.0, "bad": 1.0}}
        return [
            Example.from_dict(self.nlp.make_doc(text), {"cats": truth})
            for text, truth in cats.items()
        ]

    def copy(self):
        """Return a copy of the pipeline without a listener, to be changed."""
        return pickle.loads(pickle.dumps(self.alone))

    def agrees(self, nlp):
        assert nlp(TEXT).cats == pytest.approx(self.nlp(TEXT).cats, abs=1e-6)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


def updated(world):
    nlp = world.copy()
    nlp.update(world.examples, sgd=Adam(0.1))
    assert nlp(TEXT).cats != world.alone(TEXT).cats
    return nlp


def two_processes(world):
    texts = [TEXT, "a bad film", ""] * 2
    cats = [doc.cats for doc in world.nlp.pipe(texts)]
    for doc, expected in zip(world.nlp.pipe(texts, n_process=2), cats, strict=True):
        assert doc.cats == pytest.approx(expected, abs=1e-6)


def initialize(world):
    nlp = world.copy()
    nlp.initialize(lambda: world.examples)
    assert nlp(TEXT).cats.keys() == {"good", "bad"}


def rehearse(world):
    nlp = world.copy()
    optimizer = nlp.resume_training()
    nlp.update(world.examples, sgd=optimizer)
    before = nlp(TEXT).cats
    assert nlp.rehearse(world.examples, sgd=optimizer)["textcat"] > 0
    assert nlp(TEXT).cats != before


def use_params(world):
    nlp, optimizer = world.copy(), Adam(0.1)
    for _ in range(2):
        nlp.update(world.examples, sgd=optimizer)
    last = nlp(TEXT).cats
    with nlp.use_params(optimizer.averages):
        assert nlp(TEXT).cats != last
    assert nlp(TEXT).cats == last


def select_pipes(world):
    with world.nlp.select_pipes(disable=["textcat"]):
        assert not world.nlp(TEXT).cats
    assert world.nlp(TEXT).cats


def rename_pipe(world):
    nlp = world.load()
    nlp.rename_pipe("textcat", "other")
    world.agrees(nlp)


def source(world):
    nlp = world.copy()
    nlp.remove_pipe("textcat")
    nlp.add_pipe("textcat", source=world.copy())
    world.agrees(nlp)
    with pytest.warns(UserWarning, match="W113"):
        spacy.blank("en").add_pipe("textcat", source=world.copy())


def memory_zone(world):
    with world.nlp.memory_zone():
        world.nlp("unheard words")
    world.nlp("unheard words")


def error_handler(world):
    nlp, seen = world.copy(), []
    nlp.set_error_handler(lambda name, proc, docs, error: seen.append(name))
    nlp.vocab.vectors = spacy.vectors.Vectors()
    assert list(nlp.pipe([TEXT])) == [] and seen == ["textcat"]


def to_disk(world):
    world.nlp.to_disk(world.folder / "copy")
    world.agrees(spacy.load(world.folder / "copy"))


def from_config(world):
    world.agrees(English.from_config(world.nlp.config).from_bytes(world.nlp.to_bytes()))


PIPELINES = {
    "nlp.pipe": two_processes,
    "nlp.initialize": initialize,
    "nlp.update": updated,
    "nlp.rehearse": rehearse,
    "nlp.resume_training": lambda world: world.copy().resume_training(),
    "nlp.create_optimizer": lambda world: world.nlp.create_optimizer(),
    "nlp.use_params": use_params,
    "nlp.evaluate": lambda world: world.nlp.evaluate(world.examples)["cats_score"],
    "nlp.select_pipes": select_pipes,
    "nlp.replace_listeners": lambda world: world.agrees(world.alone),
    "nlp.rename_pipe": rename_pipe,
    "nlp.add_pipe": source,
    "nlp.analyze_pipes": lambda world: world.nlp.analyze_pipes(),
    "nlp.memory_zone": memory_zone,
    "nlp.set_error_handler": error_handler,
    "nlp.to_disk": to_disk,
    "nlp.to_bytes": from_config,
    "Language.from_config": from_config,
    "pickle.dumps": lambda world: world.agrees(pickle.loads(pickle.dumps(world.load()))),
    "copy.deepcopy": lambda world: world.agrees(copy.deepcopy(world.load())),
}


def pipe_of(world):
    return world.copy().get_pipe("textcat")


def predict(world):
    pipe, doc = pipe_of(world), world.alone.make_doc(TEXT)
    pipe.set_annotations([doc], pipe.predict([doc]))
    assert doc.cats == pytest.approx(world.alone(TEXT).cats)


def step(world, way):
    pipe = pipe_of(world)
    before = pipe.to_bytes()
    way(pipe)
    assert pipe.to_bytes() != before


def rehearse_pipe(world):
    nlp = updated(world)
    pipe = nlp.get_pipe("textcat")
    pipe._rehearsal_model = pipe_of(world).model
    assert pipe.rehearse(world.examples, sgd=Adam(0.1))["textcat"] > 0


def finish_update(world):
    def way(pipe):
        pipe.update(world.examples, sgd=None)
        pipe.finish_update(Adam(0.1))

    step(world, way)


def score(world):
    examples = world.examples
    for example in examples:
        example.predicted = world.nlp(example.reference.text)
    assert 0 <= pipe_of(world).score(examples)["cats_score"] <= 1


def model_copy(world):
    pipe = pipe_of(world)
    docs = [world.alone.make_doc(TEXT)]
    np.testing.assert_array_equal(pipe.model.copy().predict(docs), pipe.model.predict(docs))


def back(world, read):
    pipe = English.from_config(world.alone.config, vocab=world.alone.vocab).get_pipe("textcat")
    read(pipe)
    doc = world.alone.make_doc(TEXT)
    np.testing.assert_array_equal(pipe.predict([doc]), pipe_of(world).predict([doc]))


def through_disk(world):
    pipe_of(world).to_disk(world.folder / "pipe")
    back(world, lambda pipe: pipe.from_disk(world.folder / "pipe"))


def get_ref(world):
    model = pipe_of(world).model
    assert [model.get_ref(name) for name in ("tok2vec", "output_layer")] == model.layers


def use_params_of_pipe(world):
    pipe = pipe_of(world)
    with pipe.model.use_params({}):
        pipe.predict([])


def add_label(world):
    nlp = spacy.blank("en")
    nlp.add_pipe("textcat", config={"model": {"@architectures": "seqpipe.Classifier.v1"}})
    nlp.get_pipe("textcat").add_label("good")
    pipe_of(world).add_label("another")


COMPONENTS = {
    "pipe.predict": predict,
    "pipe.set_annotations": predict,
    "pipe.get_loss": lambda world: pipe_of(world).get_loss(world.examples, np.zeros((2, 2), "f")),
    "pipe.update": lambda world: step(world, lambda p: p.update(world.examples, sgd=Adam(0.1))),
    "pipe.rehearse": rehearse_pipe,
    "pipe.finish_update": finish_update,
    "pipe.initialize": lambda world: step(world, lambda p: p.initialize(lambda: world.examples)),
    "pipe.create_optimizer": lambda world: pipe_of(world).create_optimizer(),
    "pipe.use_params": use_params_of_pipe,
    "pipe.score": score,
    "pipe.labels": lambda world: set(pipe_of(world).labels) == {"good", "bad"},
    "pipe.label_data": lambda world: set(pipe_of(world).label_data) == {"good", "bad"},
    "pipe.add_label": add_label,
    "pipe.set_output": lambda world: pipe_of(world).set_output(3),
    "pipe.to_disk": through_disk,
    "pipe.to_bytes": lambda world: back(world, lambda p: p.from_bytes(pipe_of(world).to_bytes())),
    "pipe.model.get_ref": get_ref,
    "pipe.model.get_dim": lambda world: pipe_of(world).model.get_dim("nO") == 2,
    "pipe.model.walk": lambda world: len(list(pipe_of(world).model.walk())) == 3,
    "pipe.model.copy": model_copy,
    "pipe.model.to_bytes": lambda world: back(
        world, lambda p: p.model.from_bytes(pipe_of(world).model.to_bytes())
    ),
    "pipe.model.param_names": lambda world: pipe_of(world).model.param_names == (),
}


def on_vectors(check):
    return lambda world: check(world.nlp.vocab.vectors)


def set_item(vectors):
    vectors["good"] = np.ones(3)


def most_similar(world):
    vectors, strings = world.nlp.vocab.vectors, world.nlp.vocab.strings
    keys, rows, scores = vectors.most_similar(vectors["good"][None], n=2)
    assert [strings[key] for key in keys[0]] == ["good", "film"]
    assert rows[0].tolist() == [1, 3] and scores[0, 0] == pytest.approx(1)


def vectors_to_disk(world):
    world.nlp.vocab.vectors.to_disk(world.folder / "vectors")
    assert world.copy().vocab.vectors.from_disk(world.folder / "vectors") == world.nlp.vocab.vectors


def vectors_to_bytes(world):
    vectors = world.nlp.vocab.vectors
    assert world.copy().vocab.vectors.from_bytes(vectors.to_bytes(exclude=["strings"])) == vectors


def static_vectors(world):
    nlp = spacy.blank("en", config={"nlp": {"vectors": world.nlp.config["nlp"]["vectors"]}})
    nlp.vocab.vectors = world.nlp.vocab.vectors
    embed = {"@architectures": "spacy.MultiHashEmbed.v2", "width": 8, "attrs": ["LOWER"]}
    embed |= {"rows": [50], "include_static_vectors": True}
    encode = {"@architectures": "spacy.MaxoutWindowEncoder.v2", "width": 8, "window_size": 1}
    encode |= {"maxout_pieces": 2, "depth": 1}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    nlp.add_pipe("tok2vec", config={"model": tok2vec})
    nlp.initialize()
    assert nlp(TEXT).tensor.shape == (3, 8)


VECTORS_ROWS = {
    "vectors[key]": on_vectors(lambda v: v["good"].tolist() == [0, 1, 1]),
    "key in vectors": on_vectors(lambda v: "good" in v and "unheard" in v),
    "len": on_vectors(lambda v: len(v) == 4),
    "iter": on_vectors(lambda v: list(v) == list(v.keys())),
    "vectors.shape": on_vectors(lambda v: v.shape == (4, 3)),
    "vectors.size": on_vectors(lambda v: v.size == 12),
    "vectors.n_keys": on_vectors(lambda v: v.n_keys == 4),
    "vectors.vectors_length": on_vectors(lambda v: v.vectors_length == 3),
    "vectors.is_full": on_vectors(lambda v: v.is_full()),
    "vectors.data": on_vectors(lambda v: v.data.shape == (0, 3)),
    "vectors.key2row": on_vectors(lambda v: v.key2row == {}),
    "vectors.keys": on_vectors(lambda v: v.keys()[1] == v.strings["good"]),
    "vectors.values": on_vectors(lambda v: len(list(v.values())) == 4),
    "vectors.items": on_vectors(lambda v: len(dict(v.items())) == 4),
    "vectors.find": on_vectors(lambda v: v.find(row=v.find(key="good")) == v.strings["good"]),
    "vectors.get_batch": on_vectors(lambda v: v.get_batch(["a", "good"]).shape == (2, 3)),
    "vectors.most_similar": most_similar,
    "vectors.add": on_vectors(lambda v: v.add("new", vector=np.ones(3))),
    "vectors[key] = vector": on_vectors(set_item),
    "vectors.resize": on_vectors(lambda v: v.resize((9, 3))),
    "vectors == others": lambda world: world.copy().vocab.vectors == world.nlp.vocab.vectors,
    "hash": on_vectors(hash),
    "vectors.to_ops": on_vectors(lambda v: v.to_ops(None)),
    "vectors.to_disk": vectors_to_disk,
    "vectors.to_bytes": vectors_to_bytes,
    "vocab.get_vector": lambda world: world.nlp.vocab.get_vector("good").tolist() == [0, 1, 1],
    "vocab.has_vector": lambda world: world.nlp.vocab.has_vector("unheard"),
    "vocab.set_vector": lambda world: world.nlp.vocab.set_vector("good", np.ones(3)),
    "vocab.reset_vectors": lambda world: world.nlp.vocab.reset_vectors(width=3),
    "vocab.deduplicate_vectors": lambda world: world.nlp.vocab.deduplicate_vectors(),
    "vocab.prune_vectors": lambda world: world.nlp.vocab.prune_vectors(2),
    "include_static_vectors": static_vectors,
}


def on_tokenizer(check):
    return lambda world: check(WordTokenizer(world.nlp.vocab, Whitespace()))


def words(doc):
    return [token.text for token in doc]


def round_trip(tokenizer, folder):
    tokenizer.to_disk(folder / "tokenizer", exclude=["vocab"])
    return words(tokenizer.from_disk(folder / "tokenizer", exclude=["vocab"])(TEXT))


def rule(name):
    """Return a check that a rule can neither be read nor set."""

    def check(tokenizer):
        with pytest.raises(AttributeError, match=f"no `{name}`"):
            getattr(tokenizer, name)
        setattr(tokenizer, name, None)

    return on_tokenizer(check)


TOKENIZERS = {
    "tokenizer(text)": on_tokenizer(lambda t: words(t(TEXT)) == ["a", "good", "film"]),
    "tokenizer.pipe": on_tokenizer(lambda t: [len(doc) for doc in t.pipe([TEXT, ""])] == [3, 0]),
    "tokenizer.explain": on_tokenizer(lambda t: t.explain(TEXT)[1] == ("TOKEN", "good")),
    "tokenizer.to_disk": lambda world: on_tokenizer(
        lambda t: round_trip(t, world.folder) == ["a", "good", "film"]
    )(world),
    "tokenizer.to_bytes": on_tokenizer(lambda t: len(t.from_bytes(t.to_bytes())(TEXT)) == 3),
    "pickle.dumps": on_tokenizer(lambda t: len(pickle.loads(pickle.dumps(t))(TEXT)) == 3),
    "tokenizer.add_special_case": on_tokenizer(lambda t: t.add_special_case("a", [])),
    "tokenizer.rules": rule("rules"),
    "tokenizer.token_match": rule("token_match"),
    "tokenizer.url_match": rule("url_match"),
    "tokenizer.prefix_search": rule("prefix_search"),
    "tokenizer.suffix_search": rule("suffix_search"),
    "tokenizer.infix_finditer": rule("infix_finditer"),
    "tokenizer.score": on_tokenizer(lambda t: t.score([])),
}


@functools.cache
def pretrain(world, component="tok2vec", layer="", objective=CHARACTERS):
    world.write_config("pretrain.cfg", component, layer, objective)
    world.call("init fill-config pretrain.cfg pretrain-full.cfg --pretraining")
    world.call("pretrain pretrain-full.cfg pretrained")
    return world.folder / "pretrained" / "model-last.bin"


def pretrain_both(world):
    assert pretrain(world).stat().st_size
    assert pretrain(world, "textcat", "tok2vec").stat().st_size


def train_pretrained(world):
    pretrain(world)
    line = "train full.cfg --output again --initialize.init_tok2vec pretrained/model-last.bin"
    world.call(line)
    assert spacy.load(world.folder / "again" / "model-last")(TEXT).cats


def assemble(world):
    text = SOURCED.format(folder=world.folder.as_posix())
    (world.folder / "sourced.cfg").write_text(text, encoding="utf-8")
    world.call("assemble sourced.cfg assembled")
    world.agrees(spacy.load(world.folder / "assembled"))


def find_part(world):
    assert "_encoder.py" in world.call("find-function seqpipe.Encoder.v1")
    assert "_recurrent.py" in world.call("find-function seqpipe.Recurrent.v1 -r seqpipe_encoders")


def debug_model(world):
    lines = [f"debug model full.cfg {name} -P1 -P3 -DIM -PAR" for name in world.nlp.pipe_names]
    assert all("model looks good" in world.call(line) for line in lines)


def debug_data(world):
    assert "4 vectors" in world.call("debug data full.cfg --corpora.train.path many.spacy")


def benchmark_speed(world):
    with pytest.MonkeyPatch.context() as patched:
        # It draws 10,000 samples of its figures to say how sure they are.
        patched.setattr("spacy.cli.benchmark_speed.bootstrap", lambda figures: figures)
        world.call(f"benchmark speed {MODEL} texts.spacy --batches 30 --warmup 0")


def prints(line):
    return lambda world: world.call(line)


COMMANDS = {
    "train": lambda world: (world.folder / MODEL / "config.cfg").is_file(),
    "pretrain": pretrain_both,
    "pretrain, spacy.PretrainVectors.v1": lambda world: pretrain(world, objective=VECTORS),
    "train --initialize.init_tok2vec": train_pretrained,
    "evaluate": prints(f"evaluate {MODEL} texts.spacy"),
    "benchmark accuracy": prints(f"benchmark accuracy {MODEL} texts.spacy"),
    "benchmark speed": benchmark_speed,
    "apply": prints(f"apply {MODEL} texts.jsonl applied.spacy"),
    "assemble": assemble,
    "debug config": prints("debug config full.cfg"),
    "debug data": debug_data,
    "debug diff-config": prints("debug diff-config full.cfg"),
    "debug model": debug_model,
    "debug profile": prints(f"debug profile {MODEL} texts.jsonl"),
    "find-function": find_part,
    "find-threshold": prints(
        f"find-threshold {MODEL} texts.spacy textcat threshold cats_macro_f -n 2"
    ),
    "info": prints(f"info {MODEL}"),
    "init fill-config": prints("init fill-config config.cfg filled.cfg"),
    "init nlp": prints("init nlp full.cfg initialized"),
    "init labels": prints("init labels full.cfg labels"),
    "package": prints(f"package {MODEL} packages --build none --force"),
}
CHECKS = {
    "On pipelines": PIPELINES,
    "On components": COMPONENTS,
    "On vectors": VECTORS_ROWS,
    "On tokenizers": TOKENIZERS,
    "On the command line": COMMANDS,
}


@pytest.mark.parametrize("heading", CHECKS)
def test_every_row_is_tried(heading):
    rows = list(table(PAGE, heading))
    assert rows == list(CHECKS[heading])


@pytest.mark.parametrize(
    ("heading", "name"), [(heading, name) for heading in CHECKS for name in CHECKS[heading]]
)
def test_row_does_what_the_table_says(world, heading, name):
    (says,) = table(PAGE, heading)[name]
    refused = re.search(r"refused(?:, as spaCy's)?: `(.+?)`", says)
    assert refused or says.startswith("works")
    if refused:
        with pytest.raises(Exception, match=re.escape(refused[1])):
            CHECKS[heading][name](world)
    else:
        assert CHECKS[heading][name](world) is not False
