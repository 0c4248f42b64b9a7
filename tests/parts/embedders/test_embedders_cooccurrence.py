"""The embedders of seqpipe's own trainer."""

import functools
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqpipe.errors import ConfigError, EmbedderError, SavedModelError
from seqpipe.formats.fasttext import hash_subwords
from seqpipe.parts.embedders import (
    Embedder,
    FastText,
    FastText2,
    FitProgress,
    Pretrained,
    Word2Vec,
    Word2Vec2,
    export_fasttext,
)

TOPICS = [
    ["star", "stars", "planet", "planets", "orbit", "comet"],
    ["bread", "breads", "oven", "ovens", "flour", "yeast"],
]
SMALL: dict[str, Any] = {"width": 12, "min_count": 1, "epochs": 4, "subsample": 1.0}


def sentences(count: int = 300, seed: int = 0) -> list[list[str]]:
    generator = np.random.default_rng(seed)
    return [generator.choice(TOPICS[number % 2], 6).tolist() for number in range(count)]


def fitted(make: Callable[..., Embedder], sequences: Any = None, **given: Any) -> Any:
    embedder = make(**{**SMALL, **given})
    embedder.fit(sentences() if sequences is None else sequences, seed=3)
    return embedder


@pytest.fixture(scope="module", params=[Word2Vec2, FastText2])
def embedder(request: pytest.FixtureRequest) -> Any:
    return fitted(request.param)


def test_words_of_a_topic_are_alike(embedder: Any) -> None:
    first, second = (embedder.embed(topic) for topic in TOPICS)
    first, second = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (first, second))
    assert (first @ first.T).mean() > (first @ second.T).mean() + 0.3


def test_it_is_what_the_library_makes_but_for_the_numbers(embedder: Any) -> None:
    library = {"Word2Vec": Word2Vec, "FastText": FastText}[embedder.kind]
    theirs = fitted(library)
    assert set(embedder.vocabulary) == set(theirs.vocabulary)
    ours, others = embedder._fitted().tables, theirs._fitted().tables
    assert ours.known.shape == others.known.shape
    assert np.array_equal(ours.hashes, others.hashes)
    assert ours.rows.shape == others.rows.shape


def test_unknown_words_have_the_mean_of_their_known_parts() -> None:
    embedder = fitted(FastText2)
    tables = embedder._fitted().tables
    assert embedder.has_subwords
    assert embedder.embed(["starting"]).any()
    assert not embedder.embed(["xyz"]).any()
    word = "planetary"
    rows, _ = embedder._fitted()._rows_of_subwords([word])
    np.testing.assert_allclose(embedder.embed([word])[0], tables.rows[rows[rows >= 0]].mean(axis=0))


def test_words_without_parts_are_unknown_as_a_whole() -> None:
    embedder = fitted(Word2Vec2)
    assert not embedder.has_subwords
    assert not embedder.embed(["starting"]).any()
    assert not fitted(FastText2, max_n=0).has_subwords


@pytest.mark.parametrize("make", [Word2Vec2, FastText2])
@pytest.mark.parametrize("form", [list, iter, lambda rows: (row for row in rows)])
def test_threads_and_the_form_of_sequences_do_not_matter(make: Any, form: Any) -> None:
    one = fitted(make, threads=1)
    several = fitted(make, form(sentences()), threads=3)
    assert one.embed(one.vocabulary).tobytes() == several.embed(several.vocabulary).tobytes()


def test_saved_vectors_are_read_by_either_version(embedder: Any, tmp_path: Path) -> None:
    embedder.to_disk(tmp_path)
    older = {"Word2Vec": Word2Vec, "FastText": FastText}[embedder.kind]
    words = [*embedder.vocabulary, "starting", "xyz"]
    for again in (type(embedder)(width=12), older(width=12)):
        again.from_disk(tmp_path)
        assert np.array_equal(again.embed(words), embedder.embed(words))
    found = Pretrained(path=str(tmp_path))
    found.fit([])
    assert np.array_equal(found.embed(words), embedder.embed(words))


def test_the_library_opens_what_is_exported(embedder: Any, tmp_path: Path) -> None:
    fasttext = pytest.importorskip("fasttext", reason="the fastText library isn't installed")
    path = tmp_path / "model.bin"
    export_fasttext(embedder, path)
    model = fasttext.load_model(str(path))
    for word in embedder.vocabulary:
        vector = embedder.embed([word])[0]
        theirs = model.get_word_vector(word)
        cosine = theirs @ vector / np.linalg.norm(theirs) / np.linalg.norm(vector)
        assert cosine == pytest.approx(1, abs=1e-4)


def test_settings_that_are_left_to_it_are_told() -> None:
    embedder = Word2Vec2(width=4)
    embedder.fit(sentences(40))
    assert embedder.chosen == {"epochs": 20, "min_count": 1, "subsample": 1.0}
    assert len(embedder.losses) == 20
    assert fitted(Word2Vec2).chosen == {}


def test_progress_ends_with_all_done_and_tells_losses_and_speed() -> None:
    reports: list[FitProgress] = []
    Word2Vec2(**SMALL).fit(sentences(), on_progress=reports.append)
    assert [each.fraction for each in reports] == sorted(each.fraction for each in reports)
    assert reports[-1].fraction == 1.0
    assert all(each.loss is not None and each.loss > 0 for each in reports)
    assert reports[0].words_per_second is not None


def test_an_embedder_goes_on_from_another_and_knows_its_words() -> None:
    before = fitted(Word2Vec2)
    more = [["star", "rocket", "planet", "rocket", "orbit"]] * 50
    after = fitted(Word2Vec2, more, start=before)
    assert set(after.vocabulary) == {*before.vocabulary, "rocket"}
    assert np.array_equal(after.embed(["bread"]), before.embed(["bread"]))
    assert not np.array_equal(after.embed(["star"]), before.embed(["star"]))
    cosine = np.corrcoef(after.embed(["star"])[0], before.embed(["star"])[0])[0, 1]
    assert cosine > 0.7


def test_frozen_words_keep_their_vectors_and_new_ones_learn() -> None:
    before = fitted(Word2Vec2)
    more = [["star", "rocket", "planet", "rocket", "orbit"]] * 200
    after = fitted(Word2Vec2, more, start=before, freeze=True)
    assert np.array_equal(after.embed(before.vocabulary), before.embed(before.vocabulary))
    assert after.losses[-1].train < after.losses[0].train
    assert np.linalg.norm(after.embed(["rocket"])) > 0.5


def test_some_sequences_are_held_out_and_their_loss_told() -> None:
    embedder = fitted(Word2Vec2, held_out=0.1, epochs=6)
    assert all(each.held_out for each in embedder.losses)
    kept = fitted(Word2Vec2, sentences(300), held_out=0.1, patience=1, epochs=60, learning_rate=0.2)
    assert len(kept.losses) < 60


def test_a_learning_rate_that_diverges_is_told() -> None:
    with pytest.warns(UserWarning, match="`learning_rate`, 30.0, is too high"):
        embedder = fitted(Word2Vec2, learning_rate=30.0)
    assert np.isfinite(embedder.embed(embedder.vocabulary)).all()


@pytest.mark.parametrize("make", [Word2Vec2, FastText2])
@pytest.mark.parametrize(
    "given",
    [{}, {"architecture": "cbow"}, {"loss": "hierarchical"}],
    ids=["skipgram", "cbow", "tree"],
)
def test_a_small_repetitive_text_is_learnt_without_a_warning(make: Any, given: Any) -> None:
    text = [["the", *each, "of", "the"] for each in sentences(60)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embedder = make(width=20, **given)
        embedder.fit(text)
    assert embedder.losses[-1].train < embedder.losses[0].train


def test_lower_cased_and_unwritable_words(tmp_path: Path) -> None:
    text = [["The", "the", "THE", "end", "", "\ud800"]] * 5
    embedder = fitted(Word2Vec2, text, lower=True)
    assert set(embedder.vocabulary) == {"the", "end"}
    assert np.array_equal(embedder.embed(["THE"]), embedder.embed(["the"]))
    embedder.to_disk(tmp_path)


def test_standardized_dimensions_have_a_variance_of_one() -> None:
    embedder = fitted(FastText2, standardize=True)
    counts = np.array([sum(s.count(w) for s in sentences()) for w in embedder.vocabulary])
    vectors = embedder.embed(embedder.vocabulary)
    mean = np.average(vectors, axis=0, weights=counts)
    np.testing.assert_allclose(mean, 0, atol=1e-5)
    np.testing.assert_allclose(np.average(vectors**2, axis=0, weights=counts), 1, rtol=1e-4)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"width": 0}, "`width` is 0"),
    ({"architecture": "glove"}, "`architecture` is 'glove'"),
    ({"position_weights": True}, "`position_weights` is True; it needs the architecture"),
    ({"held_out": 0.5}, "`held_out` is 0.5; it must be"),
    ({"patience": 2}, "`patience` is 2; it needs a share of `held_out`"),
    ({"held_out": 0.1, "patience": 0}, "`patience` is 0; it must be at least 1"),
    ({"freeze": True}, "`freeze` is True; it needs an embedder to `start` from"),
    ({"start": Word2Vec2(width=3)}, "`start` is 'an embedder of the width 3'"),
    ({"threads": 0}, "`threads` is 0"),
    ({"window": 2**40}, "`window` is 1099511627776; it may be at most 1,000,000"),
    ({"epochs": 10**18}, "`epochs` is 1000000000000000000; it may be"),
    ({"freeze": True, "standardize": True, "start": Word2Vec2()}, "can't be combined with `stand"),
    ({"negatives": 62}, "`negatives` is 62; it may be at most 61"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_settings_that_cannot_be_used_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Word2Vec2(**given)


@pytest.mark.parametrize("make", [functools.partial(Word2Vec2, width=3), FastText2])
def test_nothing_to_fit_on_is_refused(make: Any) -> None:
    with pytest.raises(EmbedderError, match="no word"):
        make().fit([])
    with pytest.raises(EmbedderError, match="no vectors yet"):
        make().embed(["a"])


@pytest.mark.parametrize("seed", [-1, 2**63, 2**80])
def test_any_seed_will_do(seed: int) -> None:
    embedder = Word2Vec2(**SMALL)
    embedder.fit(sentences(20), seed=seed)
    again = Word2Vec2(**SMALL, negatives=61)
    again.fit(sentences(20), seed=seed)
    assert not np.array_equal(embedder.embed(["star"]), again.embed(["star"]))


def test_words_to_start_from_are_lower_cased_too() -> None:
    before = fitted(Word2Vec2, [["Paris", "London", "Rome"]] * 20)
    after = fitted(Word2Vec2, [["paris", "berlin"]] * 20, start=before, freeze=True, lower=True)
    assert set(after.vocabulary) == {"paris", "london", "rome", "berlin"}
    assert np.array_equal(after.embed(["Paris"]), before.embed(["Paris"]))


def test_an_embedder_to_start_from_must_have_words() -> None:
    with pytest.raises(
        EmbedderError, match="the embedder to `start` from has no words; fit it first"
    ):
        fitted(Word2Vec2, start=Word2Vec2(width=12))


def test_a_text_among_what_is_held_out_is_refused() -> None:
    with pytest.raises(EmbedderError, match="sequence 2 is a string, 'not split'"):
        fitted(Word2Vec2, [["a", "b"], "not split", ["a"]], held_out=0.01)


def test_of_few_sequences_one_is_held_out() -> None:
    embedder = fitted(Word2Vec2, [["a", "b", "c"]] * 5, held_out=0.01)
    assert all(each.held_out for each in embedder.losses)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqpipe.parts.embedders._cooccurrence_fit.read_corpus", fail)
    with pytest.raises(
        EmbedderError, match=r"No space left on device; make room there, or name .*TMPDIR"
    ):
        fitted(Word2Vec2)


def test_too_little_memory_is_told() -> None:
    with pytest.raises(EmbedderError, match="isn't enough memory to train vectors of the width"):
        fitted(Word2Vec2, width=10**13)


CITIES = [["new", "york", "is", "large"], ["a", "new", "house", "is", "here"]] * 60
PHRASED: dict[str, Any] = {"min_count": 2, "phrases": 1, "phrase_threshold": 1.9}


def test_phrases_are_words_and_their_own_words_stay_known() -> None:
    embedder = fitted(Word2Vec2, CITIES, **PHRASED)
    assert "new_york" in embedder.vocabulary
    assert "york" in embedder.vocabulary
    names = {phrase.name: phrase for phrase in embedder.phrases}
    assert names["new_york"].count == 60
    assert names["new_york"].score == pytest.approx((60 - 5) / (120 * 60) * 9 * 60)
    # It occurs nowhere else.
    assert np.array_equal(*embedder.embed(["york", "new_york"]))


def test_a_word_of_several_phrases_has_the_mean_of_their_vectors() -> None:
    texts = [["san", "jose"]] * 30 + [["san", "diego"]] * 10 + sentences()
    for make in (Word2Vec2, FastText2):
        embedder = fitted(make, texts, phrases=1, phrase_threshold=20.0)
        san, jose, diego = embedder.embed(["san", "san_jose", "san_diego"])
        assert san == pytest.approx((30 * jose + 10 * diego) / 40, abs=1e-6)


def test_without_passes_there_are_no_phrases() -> None:
    embedder = fitted(Word2Vec2, CITIES, phrases=0)
    assert embedder.phrases == ()
    assert embedder.join_phrases(["new", "york"]) == ["new", "york"]


def test_phrases_of_a_text_are_joined_also_after_saving_and_pruning(tmp_path: Path) -> None:
    embedder = fitted(FastText2, CITIES, **PHRASED, lower=True)
    text, joined = ["In", "New", "York", "york"], ["in", "new_york", "york"]
    assert embedder.join_phrases(text) == joined
    embedder.to_disk(tmp_path)
    read = FastText2(width=12)
    read.from_disk(tmp_path)
    assert read.phrases == embedder.phrases
    assert read.join_phrases(text) == joined
    kept = [word for word in embedder.vocabulary if word != "new_york"]
    assert embedder.only(kept).join_phrases(text) == ["in", "new", "york", "york"]


def test_phrases_of_an_earlier_fit_are_gone_from_the_folder(tmp_path: Path) -> None:
    fitted(Word2Vec2, CITIES, **PHRASED).to_disk(tmp_path)
    fitted(Word2Vec2, CITIES).to_disk(tmp_path)
    read = Word2Vec2(width=12)
    read.from_disk(tmp_path)
    assert read.phrases == ()


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '[["a", "b"]]', '[["a", "b", "a_b", 1, "x", 1]]', "[[]]"]
)
def test_damaged_phrases_are_refused(tmp_path: Path, content: str) -> None:
    fitted(Word2Vec2, CITIES, **PHRASED).to_disk(tmp_path)
    (tmp_path / "phrases.json").write_text(content)
    with pytest.raises(SavedModelError, match=r"phrases\.json"):
        Word2Vec2(width=12).from_disk(tmp_path)


def test_phrases_are_the_same_for_any_number_of_threads_and_from_a_stream() -> None:
    one = fitted(Word2Vec2, CITIES, **PHRASED, threads=1)
    two = fitted(Word2Vec2, iter(CITIES), **PHRASED, threads=2)
    assert one.phrases == two.phrases
    assert np.array_equal(one.embed(one.vocabulary), two.embed(one.vocabulary))


def test_held_out_texts_and_a_start_go_with_phrases() -> None:
    start = fitted(Word2Vec2, CITIES, min_count=2)
    embedder = fitted(Word2Vec2, CITIES, **PHRASED, held_out=0.1, start=start, freeze=True)
    assert "new_york" in embedder.vocabulary
    assert np.array_equal(embedder.embed(["york"]), start.embed(["york"]))
    standardized = fitted(Word2Vec2, CITIES, **PHRASED, standardize=True)
    assert np.isfinite(standardized.embed(standardized.vocabulary)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phrases", -1),
        ("phrases", 9),
        ("phrase_threshold", 0.0),
        ("phrase_threshold", float("nan")),
        ("phrase_threshold", float("inf")),
        ("phrase_discount", -1),
        ("phrase_connector", ""),
        ("phrase_connector", " "),
        ("phrase_connector", "AND"),
        ("phrase_connector", "\ud800"),
        ("phrase_connector", "\x00"),
    ],
)
def test_settings_of_phrases_are_checked(name: str, value: Any) -> None:
    for make in (Word2Vec2, FastText2):
        with pytest.raises(ConfigError, match=name):
            make(**{name: value})


def test_parts_that_only_absorbed_words_have_are_not_known() -> None:
    embedder = fitted(FastText2, CITIES, **PHRASED)
    absorbed = {part for phrase in embedder.phrases for part in (phrase.first, phrase.second)}
    counts = Counter(word for text in CITIES for word in embedder.join_phrases(text))
    assert "york" in embedder.vocabulary
    assert "york" in absorbed - counts.keys()
    trained = hash_subwords(counts, min_n=3, max_n=6)
    assert np.array_equal(embedder._fitted().tables.hashes, np.unique(trained.hashes))
