"""Rows of data become examples."""

import pickle
from collections import Counter

import pytest
import spacy
from spacy.training import Example

from seqpipe.adapters import make_corpus
from seqpipe.adapters._context import context_of
from seqpipe.adapters._corpus import DataSet
from seqpipe.errors import ConfigError, DataError
from seqpipe.parts.readers import BadRow, Reader, ReadResult, Row

SPLIT = {"train": 0.6, "dev": 0.2, "test": 0.2}
reads = Counter()


class Made(Reader):
    """Makes rows of the labels given; counts how often it's read."""

    def __init__(self, name="rows", labels=("a", "b"), count=10):
        self.name = name
        self.labels = labels
        self.count = count

    def read(self):
        reads[self.name] += 1
        rows = [
            Row(f"{self.name} text {label} {i}", (label,), f"{self.name}:{i}")
            for label in self.labels
            for i in range(self.count)
        ]
        return ReadResult(tuple(rows), (BadRow(f"{self.name}:x", "empty"),))


@pytest.fixture(autouse=True)
def nothing_read():
    reads.clear()


@pytest.fixture
def nlp():
    return spacy.blank("en")


def sizes(split=SPLIT, **readers):
    data = DataSet(readers, fractions=split, seed=0)
    return {name: len(rows) for name, rows in data.parts.items()}


def test_one_reader_is_split():
    assert sizes(data=Made()) == {"train": 12, "dev": 4, "test": 4}


def test_part_with_a_reader_of_its_own_is_what_that_reads():
    data = DataSet({"data": Made(), "test": Made("own", count=3)}, fractions=SPLIT, seed=0)
    assert {row.source.split(":")[0] for row in data.parts["test"]} == {"own"}
    assert len(data.parts["test"]) == 6


def test_no_row_is_lost_to_the_share_of_a_part_with_its_own_reader():
    assert sizes(train=Made(), dev=Made("d"), test=Made("t"))["train"] == 20
    assert sizes(data=Made(), test=Made("t")) == {"train": 15, "dev": 5, "test": 20}
    assert sizes(train=Made(), dev=Made("d")) == {"train": 15, "dev": 20, "test": 5}
    assert sizes(data=Made(), train=Made("t")) == {"train": 20, "dev": 10, "test": 10}


def test_only_the_shares_asked_for_are_used():
    small = {"train": 0.3, "dev": 0.1}
    assert sizes(small, data=Made()) == {"train": 6, "dev": 2}
    assert sizes(small, data=Made(), dev=Made("d", count=2)) == {"train": 8, "dev": 4}


def test_train_alone_may_be_split():
    assert sizes(train=Made()) == {"train": 12, "dev": 4, "test": 4}


def test_nowhere_to_train_from_is_refused():
    with pytest.raises(ConfigError, match=r"\[data\]"):
        sizes(dev=Made())


def fold(index, count=4, seed=0, split=SPLIT, **readers):
    left_out = {"index": index, "count": count}
    return DataSet(readers, fractions=split, seed=seed, fold=left_out).parts


def test_each_row_is_tested_by_the_run_of_one_fold_and_learnt_by_no_part_of_that():
    tested = []
    for index in range(4):
        parts = fold(index, data=Made())
        assert {name: len(rows) for name, rows in parts.items()} == {
            **{"train": 11, "dev": 4},
            "test": 5,
        }
        assert not {*parts["test"]} & {*parts["train"], *parts["dev"]}
        tested += parts["test"]
    assert sorted(row.source for row in tested) == sorted(row.source for row in Made().read().rows)


def test_fold_depends_on_the_seed_alone():
    assert fold(1, data=Made()) == fold(1, data=Made())
    assert fold(1, data=Made())["test"] != fold(1, seed=1, data=Made())["test"]


def test_official_test_part_is_not_read_for_a_fold():
    parts = fold(0, data=Made(), dev=Made("dev"), test=Made("official"))
    assert reads == {"rows": 1, "dev": 1}
    assert {name: len(rows) for name, rows in parts.items()} == {"dev": 20, "train": 15, "test": 5}


def test_fold_is_the_test_part_where_split_has_none(nlp):
    corpus = make_corpus("test", {"train": 1.0}, data=Made(), fold={"index": 0, "count": 4})
    assert len(corpus.rows(nlp)) == 5


@pytest.mark.parametrize(
    "wrong",
    [{"index": 4, "count": 4}, {"index": 0, "count": 1}, {"index": 0}, {"index": -1, "count": 2}],
)
def test_fold_that_there_is_none_of_is_refused(wrong):
    with pytest.raises(ConfigError, match="can't be left out"):
        make_corpus("test", SPLIT, data=Made(), fold=wrong)


def test_corpora_of_other_folds_read_for_themselves(nlp):
    one, other = (
        make_corpus("test", SPLIT, data=Made(), fold={"index": index, "count": 2})
        for index in (0, 1)
    )
    assert not {*one.rows(nlp)} & {*other.rows(nlp)}


def test_labels_are_those_of_all_parts(nlp):
    data = DataSet({"data": Made(), "test": Made("own", labels=("c",))}, fractions=SPLIT, seed=0)
    assert data.labels == ["a", "b", "c"]
    corpus = make_corpus("train", SPLIT, data=Made(), test=Made("own", labels=("c",)))
    example = next(iter(corpus(nlp)))
    assert sorted(example.reference.cats) == ["a", "b", "c"]
    assert sum(example.reference.cats.values()) == 1.0


def test_skipped_rows_of_all_readers_are_told():
    data = DataSet({"data": Made(), "test": Made("own")}, fractions=SPLIT, seed=0)
    assert [bad.source for bad in data.skipped] == ["rows:x", "own:x"]


def test_missing_part_is_refused_by_name(nlp):
    with pytest.raises(DataError, match="'test' part, only dev, train"):
        make_corpus("test", {"train": 0.5, "dev": 0.5}, data=Made()).read(nlp)


def test_examples_carry_text_and_label(nlp):
    corpus = make_corpus("dev", SPLIT, data=Made())
    examples = list(corpus(nlp))
    assert [eg.text for eg in examples] == [row.text for row in corpus.rows(nlp)]
    for example, row in zip(examples, corpus.rows(nlp), strict=True):
        assert example.predicted.cats == {}
        assert example.reference.cats == {k: float(k in row.labels) for k in ("a", "b")}


def test_examples_are_fresh_each_time(nlp):
    corpus = make_corpus("dev", SPLIT, data=Made())
    for example in corpus(nlp):
        example.predicted.cats = {"a": 0.1}
        example.reference.cats = {}
    for example in corpus(nlp):
        assert example.predicted.cats == {} and example.reference.cats


def corpora(**settings):
    # Each has readers of its own, as each section of a configuration is resolved by itself.
    return [make_corpus(part, dict(SPLIT), data=Made(), **settings) for part in SPLIT]


def test_corpora_of_one_pipeline_read_once(nlp):
    made = corpora()
    assert len({id(corpus.read(nlp)) for corpus in made}) == 1
    assert reads == {"rows": 1}


def test_corpora_of_other_settings_read_for_themselves(nlp):
    one = corpora()
    other = corpora(seed=1)
    third = make_corpus("train", SPLIT, data=Made(count=20))
    assert one[0].read(nlp) is not other[0].read(nlp) is not third.read(nlp)
    assert reads == {"rows": 3}
    assert {row.text for row in one[1].rows(nlp)} != {row.text for row in other[1].rows(nlp)}


def test_other_pipelines_read_the_data_again(nlp):
    # In one process, the files may have changed between two runs.
    kept = corpora()[0].read(nlp)
    assert corpora()[0].read(spacy.blank("en")) is not kept
    assert reads == {"rows": 2}


def test_corpus_that_has_read_its_data_keeps_it_for_other_pipelines(nlp):
    corpus = corpora()[0]
    assert corpus.read(spacy.blank("en")) is corpus.read(nlp)


def test_pipeline_is_pickled_without_the_data(nlp):
    corpora()[0].read(nlp)
    assert context_of(pickle.loads(pickle.dumps(nlp))).data_sets == {}


class CountingTokenizer:
    def __init__(self, nlp):
        self.tokenizer = nlp.tokenizer
        self.texts = []

    def __call__(self, text):
        self.texts.append(text)
        return self.tokenizer(text)


def test_texts_are_tokenized_once_for_a_tokenizer():
    nlp = spacy.blank("en")
    nlp.tokenizer = first = CountingTokenizer(nlp)
    made = corpora()
    for corpus in [*made, made[0], *corpora()]:
        list(corpus(nlp))
    assert len(first.texts) == 20
    nlp.tokenizer = second = CountingTokenizer(spacy.blank("en"))
    list(made[1](nlp))
    assert len(second.texts) == 4


def test_spacy_finds_the_corpus_by_name():
    spacy.registry.ensure_populated()
    assert spacy.registry.readers.get("seqpipe.Corpus.v1") is make_corpus


def test_examples_are_those_that_spacy_makes(nlp):
    for example in make_corpus("train", SPLIT, data=Made())(nlp):
        made = Example(example.predicted, example.reference)
        assert example.x is example.predicted
        assert len(example) == len(made) > 0
        assert example.to_dict() == made.to_dict()
        assert example.get_aligned("ORTH") == made.get_aligned("ORTH")
        assert list(example.alignment.x2y.data) == list(made.alignment.x2y.data)


def test_doc_of_an_example_may_be_replaced_after_it_was_aligned(nlp):
    example = next(iter(make_corpus("train", SPLIT, data=Made())(nlp)))
    assert len(example.alignment.x2y.lengths) == len(example.reference)
    example.predicted = nlp.make_doc(example.text.replace(" ", "  "))
    assert len(example.alignment.x2y.lengths) == 2 * len(example.reference) - 1
    example.predicted = example.reference.copy()
    with example.predicted.retokenize() as retokenizer:
        retokenizer.merge(example.predicted[:2])
    assert len(example.alignment.x2y.lengths) == len(example.reference) - 1
