import pytest

from seqpipe.config import check, read_text

PLAIN = """\
[paths]
train = null

[system]
seed = 3

[nlp]
lang = "en"
pipeline = ["tok2vec", "tagger"]

[nlp.tokenizer]
@tokenizers = "spacy.Tokenizer.v1"

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy.Tok2Vec.v2"

[components.tok2vec.model.embed]
@architectures = "spacy.MultiHashEmbed.v2"
width = 64
attrs = ["NORM", "SHAPE"]
rows = [500, 500]
include_static_vectors = false

[components.tok2vec.model.encode]
@architectures = "spacy.MaxoutWindowEncoder.v2"
width = 64
depth = 2
window_size = 1
maxout_pieces = 3

[components.tagger]
factory = "tagger"

[corpora.train]
@readers = "spacy.Corpus.v1"
path = ${paths.train}
max_length = 0

[training]
dropout = 0.1
train_corpus = "corpora.train"

[training.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.001

[training.batcher]
@batchers = "spacy.batch_by_words.v1"
discard_oversize = true
tolerance = 0.2

[training.batcher.size]
@schedules = "compounding.v1"
start = 100
stop = 1000
compound = 1.001

[initialize.components.tagger.labels]
@readers = "spacy.read_labels.v1"
path = "labels.json"
"""

RULES = {
    "nlp": ("pipeline =", "pipelin =", "pipelin", '"pipeline"'),
    "system": ("seed =", "sede =", "sede", '"seed"'),
    "factory": ('factory = "tagger"', 'factory = "taggr"', '"taggr"', '"tagger"'),
    "key of factory": (
        'factory = "tagger"',
        'factory = "tagger"\noverwite = true',
        "overwite",
        '"overwrite"',
    ),
    "architecture": (
        "spacy.Tok2Vec.v2",
        "spacy.Tok2Vc.v2",
        '"spacy.Tok2Vc.v2"',
        '"spacy.Tok2Vec.v2"',
    ),
    "argument": ("window_size", "windw_size", "windw_size", '"window_size"'),
    "optimizer": ("learn_rate", "learning_rate", "learning_rate", '"learn_rate"'),
    "section of training": ("[training.batcher]", "[training.bacher]", "bacher", '"batcher"'),
    "schedule": ("compound =", "compond =", "compond", '"compound"'),
    "corpus": ("max_length = 0", 'max_length = "0"', '"0"', "0"),
    "text of numbers": ("rows = [500, 500]", 'rows = [500, "500"]', '"500"', "500"),
    "initialize": ("[initialize.", "[initialise.", "initialise", "[initialize]"),
}

#: Blocks in places where they'd be called by confection, whatever they do.
INTRUDERS = {
    "reader as tokenizer": ('@tokenizers = "spacy.Tokenizer.v1"', '@readers = "acme.Rows.v1"'),
    "callback as tokenizer": (
        '@tokenizers = "spacy.Tokenizer.v1"',
        '@callbacks = "acme.Danger.v1"',
    ),
    "reader as schedule": ('@schedules = "compounding.v1"', '@readers = "acme.Rows.v1"'),
    "reader as model": ('@architectures = "spacy.Tok2Vec.v2"', '@readers = "acme.Rows.v1"'),
    "callback as encoder": (
        '@architectures = "spacy.MaxoutWindowEncoder.v2"',
        '@callbacks = "acme.Danger.v1"',
    ),
    "logger as reader": ('@readers = "spacy.Corpus.v1"', '@loggers = "spacy.ConsoleLogger.v3"'),
    "callback as optimizer": ('@optimizers = "Adam.v1"', '@callbacks = "acme.Danger.v1"'),
    "callback as labels": ('@readers = "spacy.read_labels.v1"', '@callbacks = "acme.Danger.v1"'),
}

ANYWHERE = [
    "[training.score_weights.x]",
    "[components.tagger.scorer]",
    "[components.tagger.cfg.deep]",
    "[components.tok2vec.model.embed.rows]",
    "[training.optimizer.learn_rate]",
    "[initialize.vectors]",
    "[paths.vectors]",
    "[vars.x.y]",
    "[system.x]",
    "[corpora.train.limit]",
]


def marked(problem):
    place = problem.place
    return place.text[place.column - 1 : place.column - 1 + place.length]


def test_a_plain_spacy_config_passes(errors_of):
    assert errors_of(PLAIN) == []


@pytest.mark.parametrize("name", RULES)
def test_an_error_in_spacys_sections_is_reported_with_what_was_meant(name, errors_of):
    before, after, mark, label = RULES[name]
    assert before in PLAIN
    problems = [p for p in errors_of(PLAIN.replace(before, after)) if marked(p) == mark]
    assert problems, errors_of(PLAIN.replace(before, after))
    assert label in problems[0].label


@pytest.mark.parametrize("name", INTRUDERS)
def test_what_could_do_harm_is_refused_before_its_called(name, errors_of):
    before, after = INTRUDERS[name]
    assert before in PLAIN
    assert after.split()[0] in [
        marked(problem) for problem in errors_of(PLAIN.replace(before, after))
    ]


@pytest.mark.parametrize("header", ANYWHERE)
@pytest.mark.parametrize("registry", ["readers", "loggers", "callbacks"])
def test_a_nested_block_takes_nothing_harmful_anywhere(header, registry, errors_of):
    before = (
        "learn_rate = 0.001\n"
        if "learn_rate" in header
        else "rows = [500, 500]\n"
        if "rows" in header
        else "-"
    )
    text = PLAIN.replace(before, "") + f'\n{header}\n@{registry} = "acme.Danger.v1"\n'
    assert errors_of(text)


def test_a_partial_block_is_laid_over_spacys_default(errors_of):
    text = PLAIN.replace('@optimizers = "Adam.v1"\n', "")
    assert errors_of(text) == []
    assert [marked(p) for p in errors_of(text.replace("learn_rate", "learn_rat"))] == ["learn_rat"]


def test_spacys_sections_override_ours(good, errors_of):
    text = good + "[training.optimizer]\nlearn_rate = 0.1\n[nlp]\nbatch_size = 3\n"
    assert errors_of(text) == []


def test_a_sourced_component_passes(errors_of):
    text = (
        PLAIN
        + '[components.ner]\nsource = "en_core_web_sm"\nreplace_listeners = ["model.tok2vec"]\n'
    )
    assert errors_of(text) == []
    assert [marked(p) for p in errors_of(text.replace("source =", 'facory = "x"\nsource ='))] == [
        "facory"
    ]


def test_a_component_needs_a_factory(errors_of):
    (problem,) = errors_of(PLAIN.replace('factory = "tagger"', ""))
    assert "names no factory" in problem.message


def test_one_reader_may_give_all_corpora(errors_of):
    start, end = PLAIN.index("[corpora.train]"), PLAIN.index("[training]")
    text = f'{PLAIN[:start]}[corpora]\n@readers = "acme.Rows.v1"\npath = "x"\n\n{PLAIN[end:]}'
    assert errors_of(text) == []


def test_spacys_default_config_passes():
    from spacy.language import DEFAULT_CONFIG

    text = DEFAULT_CONFIG.to_str(interpolate=False).replace("lang = null", 'lang = "en"')
    check(read_text(text))


def test_what_ours_expands_to_passes(good, acme):
    from confection import Config

    from seqpipe.config import expand
    from seqpipe.plugins import find_part

    file = read_text(good)
    expanded = Config(expand(file.sections, file.makes, find_part)).to_str(interpolate=False)
    expanded = expanded.replace("[system]", "[paths]\n[system]")
    check(read_text(expanded))
