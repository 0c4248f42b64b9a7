"""The systems that are compared in accuracy: each learns what's easy to learn."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import accuracy_fasttext
import spacy_textcat
from accuracy_linear import log_count_ratios
from accuracy_seqpipe import _DEFAULT, options, with_data
from accuracy_systems import SYSTEMS, Job, Words, load_system, share_right, size_on_disk, texts_of
from cell_process import peak_memory
from made_up_texts import made_up_parts
from text_sets import write_set

from seqpipe import config
from seqpipe.parts.readers import Row

KINDS = {
    "english": {},
    "chinese": {"chinese": True},
    "several labels": {"several": True},
}


#: spaCy's two classifiers differ in their model alone, so they share the kinds.
PEERS = [
    *((system, kind) for system in ("tfidf-lr", "nb-svm", "fasttext", "bilstm") for kind in KINDS),
    ("spacy-ensemble", "english"),
    ("spacy-bow", "chinese"),
    ("spacy-bow", "several labels"),
]


@pytest.fixture
def small_peers(monkeypatch):
    """Have peers take no more memory, settings and steps than made-up texts need."""
    monkeypatch.setattr(accuracy_fasttext, "_BUCKETS", (2_000, 2_000_000))
    monkeypatch.setattr(accuracy_fasttext, "_RATES", (0.1, 1.0))
    monkeypatch.setattr(accuracy_fasttext, "_EPOCHS", (5, 25))
    fewer = {"eval_frequency": 20, "patience": 20}
    monkeypatch.setattr(spacy_textcat, "_TRAINING", spacy_textcat._TRAINING | fewer)


def check_learns(system, kind, folder):
    parts = made_up_parts(**KINDS[kind])
    lang = "zh" if kind == "chinese" else "en"
    job = Job(system, folder, lang, exclusive=kind != "several labels")
    trained = load_system(system)(job, parts)
    texts = texts_of(parts["test"])
    assert share_right(trained.predict(texts), parts["test"]) > 0.9
    assert trained.notes["dev"] > 0.9
    assert set(trained.predict(["nothing known", "?"])) <= {"0", "1", "2"}
    (folder / "saved").mkdir()
    trained.save(folder / "saved")
    assert size_on_disk(folder / "saved") > 100


@pytest.mark.usefixtures("small_peers")
@pytest.mark.parametrize(("system", "kind"), PEERS)
def test_peers_learn(system, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_learns(system, kind, tmp_path)


def test_every_system_can_be_imported():
    assert all(callable(load_system(name)) for name in [*SYSTEMS, "seqpipe:any.cfg"])


def test_two_classes_are_told_apart_either_way(tmp_path):
    parts = {
        part: [row for row in rows if row.labels[0] != "2"]
        for part, rows in made_up_parts().items()
    }
    for system in ("tfidf-lr", "nb-svm"):
        trained = load_system(system)(Job(system, tmp_path), parts)
        assert share_right(trained.predict(texts_of(parts["test"])), parts["test"]) == 1


def test_log_count_ratios_compare_the_counts_inside_and_outside_of_a_class():
    features = csr_matrix([[1.0, 1, 0], [1, 0, 0], [0, 1, 1]])
    ratios = log_count_ratios(features, np.array([True, True, False]))
    # Add-one: inside 3, 2, 1 of 6; outside 1, 2, 2 of 5.
    expected = np.log([3 / 6 / (1 / 5), 2 / 6 / (2 / 5), 1 / 6 / (2 / 5)])
    np.testing.assert_allclose(ratios, expected)


def test_words_are_lower_cased_tokens_and_for_chinese_characters():
    assert list(Words("en")(["It's  A\ntest."])) == [["it", "'s", "a", "test", "."]]
    assert list(Words("zh")(["很好 OK"])) == [["很", "好", "o", "k"]]


def test_memory_is_not_that_of_the_process_that_started_it():
    before = b"1" * 2**28  # 256 MB, and each page is written to
    # Alone, without what its module imports, which takes seconds.
    source = inspect.getsource(peak_memory)
    code = f"import resource, sys\nfrom pathlib import Path\n{source}print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(before) < peak_memory()
    assert int(done.stdout) < peak_memory() - 2**27


def test_a_text_is_right_with_any_of_its_labels():
    rows = [Row("a", ("x", "y"), ""), Row("b", ("x",), "")]
    assert share_right(["y", "y"], rows) == 0.5


def test_a_recipe_gets_the_data_of_the_set(tmp_path):
    recipe = (
        '# A comment.\n[pipeline]\nseed = 3\n\n[data]\n@readers = "a"\nsplit = {"train": 0.9,\n'
        '    "dev": 0.1}\n\n[data.train]\n@readers = "b"\n\n[head]\npool = "max"\n'
    )
    text = with_data(recipe, tmp_path / "$")
    assert "[data]" not in text and '"b"' not in text and '"dev": 0.1' not in text
    assert text.count("[data.train]") == text.count("[data.dev]") == 1
    assert "[pipeline]\nseed = 3\n" in text and '[head]\npool = "max"\n' in text
    assert "/$$/train.jsonl" in text.replace("\\\\", "/")


def test_a_file_of_data_and_a_head_can_be_run(tmp_path):
    (tmp_path / "pipeline.cfg").write_text(with_data(_DEFAULT, tmp_path), encoding="utf-8")
    write_set(made_up_parts(), tmp_path)
    config.check(config.read(tmp_path / "pipeline.cfg"))


def test_options_fit_a_recipe_to_the_set():
    job = Job("seqpipe", Path(), lang="zh", exclusive=False, seed=4, threads=2)
    found = " ".join(options("[head]\n", job))
    assert found == ("--pipeline.seed 4 --threads 2 --pipeline.lang zh --head.exclusive false")
    assert "--classifier.exclusive false" in " ".join(options("[classifier]\n", job))
    assert "exclusive" not in " ".join(options("[head]\n", Job("seqpipe", Path())))
