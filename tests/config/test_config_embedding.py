"""Pipeline files that make an embedding, hold several embedders, or score them."""

import pytest
from config_examples import GOOD
from test_config_expand import HOST, READER, expanded

from seqpipe.config import Makes, expand, what_is_made

EMBEDDER = {"@seqpipe_embedders": "seqpipe.Word2Vec.v1", "width": 20}
SCORE = '[evaluation.words]\n@scorers = "spacy.textcat_scorer.v1"\n'


def embedding(**changed):
    return expand({"data": READER, "embedder": EMBEDDER, **changed}, Makes.EMBEDDING, HOST.find)


def without_training(text):
    """Leave out the sections from [encoder] on."""
    return text[: text.index("[encoder]")]


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"data", "embedder"}, Makes.EMBEDDING),
        ({"pipeline", "data", "tokenizer", "embedder", "evaluation"}, Makes.EMBEDDING),
        ({"data"}, Makes.HEAD),
        ({"data", "embedder", "encoder"}, Makes.HEAD),
        ({"data", "embedder", "head"}, Makes.HEAD),
        ({"nlp", "components", "embedder"}, Makes.HEAD),
        ({"data", "classifier"}, Makes.CLASSIFIER),
        ({"data", "embedder", "classifier"}, Makes.CLASSIFIER),
        ({"nlp", "components", "evaluation"}, None),
    ],
)
def test_sections_say_what_a_file_makes(sections, expected):
    assert what_is_made(sections) is expected


def test_an_embedding_needs_neither_head_nor_encoder(errors_of):
    assert errors_of(without_training(GOOD)) == []


def test_fold_is_for_labelled_texts(errors_of):
    fold = GOOD.replace("[tokenizer]", 'fold = {"index": 0, "count": 5}\n\n[tokenizer]')
    assert errors_of(fold) == []
    (problem,) = errors_of(without_training(fold))
    assert "embedding has no labelled texts" in problem.message and problem.place.line == 10


def test_an_embedding_expands_to_a_pipeline_with_nothing_to_train():
    config = embedding(pipeline={"lang": "de", "seed": 5})
    assert config["nlp"]["pipeline"] == [] and config["components"] == {}
    assert config["nlp"]["vectors"]["embedder"] == EMBEDDER
    train = config["corpora"]["train"]
    assert train["@readers"] == "seqpipe.Sequences.v1"
    assert train["data"] == READER
    assert set(config["corpora"]) == {"train", "dev"} and train["split"] == {"train": 1.0}
    # For `spacy train`, which wants something to evaluate on.
    assert config["corpora"]["dev"] == {**train, "limit": 100}
    assert config["initialize"]["before_init"]["corpus"] == train
    assert config["system"]["seed"] == 5


def test_held_out_parts_of_an_embeddings_data_become_corpora():
    split = {"train": 0.9, "test": 0.1}
    config = embedding(data={**READER, "split": split, "dev": READER})
    assert set(config["corpora"]) == {"train", "dev", "test"}
    assert config["corpora"]["dev"]["part"] == "dev" and "limit" not in config["corpora"]["dev"]
    assert config["corpora"]["test"]["split"] == split


def test_several_embedders_are_expanded_side_by_side():
    config = expanded(embedder={"a": EMBEDDER, "b": {**EMBEDDER, "tune": True}, "trained_width": 4})
    assert config["nlp"]["vectors"] == {
        "@vectors": "seqpipe.Vectors.v1",
        "embedders": {"a": EMBEDDER, "b": EMBEDDER},
    }
    model = config["components"]["tok2vec"]["model"]
    assert (model["tune"], model["trained_width"]) == (["b"], 4)


@pytest.mark.parametrize("tune", [True, False])
def test_tuning_is_said_to_the_encoder(tune):
    config = expanded(embedder={**EMBEDDER, "tune": tune, "tuned_words": 10})
    model = config["components"]["tok2vec"]["model"]
    assert (model["tune"], model["tuned_words"]) == (tune, 10)
    assert config["nlp"]["vectors"]["embedder"] == EMBEDDER


def test_each_of_several_embedders_is_checked(good, errors_of):
    both = """[embedder]
trained_width = 3

[embedder.a]
@seqpipe_embedders = "acme.Vectors.v1"
tune = true

[embedder.b]
@seqpipe_embedders = "acme.Vectors.v1"
"""
    old = good[good.index("[embedder]") : good.index("[encoder]")]
    text = good.replace(old, both + "\n")
    assert errors_of(text) == []
    (problem,) = errors_of(text.replace("[embedder.b]", "[embedder.b]\nwdth = 3"))
    assert '"wdth"' in problem.message and "width" in problem.label
    (problem,) = errors_of(text.replace("trained_width", "train_width"))
    assert '"train_width"' in problem.message


def test_scores_of_an_embedding_go_with_every_file(good, errors_of):
    assert errors_of(good + "\n" + SCORE) == []
    assert errors_of(without_training(good) + SCORE) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (SCORE.replace("@scorers", "@readers"), "@scorers"),
        (SCORE.replace("textcat_scorer", "txtcat_scorer"), "txtcat_scorer"),
        ("[evaluation.words]\npath = 3\n", "doesn't say what to use"),
        ("[evaluation]\nwords = 3\n", "is a section"),
    ],
)
def test_scores_that_cannot_be_had_are_reported(good, errors_of, broken, said):
    (problem,) = errors_of(good + "\n" + broken)
    assert said in problem.message


@pytest.mark.parametrize("key", ["tune = true", "trained_width = 5"])
def test_settings_of_vectors_that_are_trained_have_no_place_in_an_embedding(good, errors_of, key):
    text = without_training(good).replace("[embedder]\n", f"[embedder]\n{key}\n")
    (problem,) = errors_of(text)
    assert f'"{key.split()[0]}"' in problem.message and "there's none" in problem.message


def test_a_classifier_has_no_embedding_to_score(good, errors_of):
    data = good[good.index("[data]") : good.index("[embedder]")]
    classifier = '[classifier]\n@seqpipe_classifiers = "seqpipe.FastTextClassifier.v1"\n'
    problems = errors_of(data + classifier + "\n" + SCORE)
    message = "[evaluation] can't be combined with [classifier], which is a whole model"
    assert message in [problem.message for problem in problems]


def test_steps_of_training_have_no_place_where_nothing_is_trained_by_steps(good, errors_of):
    training = "[training]\nmax_epochs = 2\n"
    (problem,) = errors_of(without_training(good) + training)
    assert "an [embedder] alone" in problem.message and "add a [head]" in problem.label
    data = good[good.index("[data]") : good.index("[embedder]")]
    classifier = '[classifier]\n@seqpipe_classifiers = "seqpipe.FastTextClassifier.v1"\n'
    message = "[training] can't be combined with [classifier], which trains by itself"
    assert message in [problem.message for problem in errors_of(data + classifier + training)]
    assert errors_of(good) == []


def test_a_head_that_is_misspelt_leaves_the_training_alone(good, errors_of):
    text = good[: good.index("[encoder]")] + good[good.index("[head]") :]
    (problem,) = errors_of(text.replace("[head]", "[haed]"))
    assert "[haed]" in problem.message and "[head]" in problem.label
    problems = errors_of(without_training(good).replace("[embedder]", "[embeder]"))
    assert "there's no section [embeder]" in [problem.message for problem in problems]
