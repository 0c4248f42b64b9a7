"""``seqpipe embeddings``: neighbours, analogies, scores, senses; and what a user sees who made a mistake."""

import bz2
import json
import re

import numpy as np
import pytest
import spacy
from cli.embedding_models import PLANE, ROYAL, SENTENCES, encoder_pipeline, save, table_pipeline
from spacy.attrs import LOWER
from spacy.vectors import Vectors

from seqpipe.adapters import EmbedderVectors
from seqpipe.cli.embeddings._model import Opened, _embedder_of
from seqpipe.cli.embeddings._neighbours import find_nearest
from seqpipe.errors import DataError, EmbedderError
from seqpipe.evaluation.embeddings import SpacyTable
from seqpipe.parts.embedders import FastText

LISTS = {
    "similarity": "river stream 9\nriver money 2\nriver bank 5\nbank xyz 3\n",
    "analogies": ": royal\nman woman king queen\nman woman bank xyz\n",
    "categories": "river wet\nstream wet\nmoney dry\naccount dry\n",
    "sentences": "river bank\tstream bank\t5\nriver\tmoney account\t1\nbank\tmoney\t3\n",
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The folder of a pipeline with vectors and no encoder."""
    return save(table_pipeline(), tmp_path_factory.mktemp("models") / "table")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """The folder of a pipeline with vectors and an encoder."""
    return save(encoder_pipeline(), tmp_path_factory.mktemp("models") / "encoder")


@pytest.fixture
def lists(tmp_path, monkeypatch):
    """Files of lists, by kind; and no others."""
    monkeypatch.delenv("SEQPIPE_DATA", raising=False)
    paths = {}
    for kind, text in LISTS.items():
        path = tmp_path / f"{kind}.txt"
        path.write_text(
            "\n".join(f"-\t-\t-\t-\t{r}\t{a}\t{b}" for a, b, r in map(_cells, text.splitlines()))
            if kind == "sentences"
            else text,
            encoding="utf-8",
        )
        paths[kind] = str(path)
    return paths


def _cells(line):
    return line.split("\t")


@pytest.fixture
def corpus(tmp_path):
    """A file of sentences."""
    path = tmp_path / "corpus.txt"
    path.write_text(SENTENCES, encoding="utf-8")
    return str(path)


@pytest.fixture
def embeddings(call):
    """Return a function that calls ``seqpipe embeddings`` and gives what it printed as JSON."""

    def run(*arguments):
        called = call("embeddings", *arguments, "--json")
        assert called.code == 0, called.err
        return json.loads(called.out)

    return run


def test_help_names_the_commands_with_examples(call):
    called = call("embeddings", "--help")
    assert called.code == 0
    for command in ("evaluate", "nearest", "analogy", "senses", "export"):
        assert re.search(rf"^ *{command}  +\w.*\.$", called.out, re.M)
        of_command = call("embeddings", command, "--help")
        assert of_command.code == 0
        assert re.search(rf"^ +seqpipe embeddings {command} ", of_command.out, re.M)


def test_nearest_words_are_printed_with_their_cosines(call, table):
    called = call("embeddings", "nearest", table, "river", "money", "-n", "2")
    assert called.code == 0
    assert re.search(r"river +cosine\nstream +0\.990\nwater +0\.940\n\nmoney +cosine\n", called.out)


def test_names_with_blanks_are_found(embeddings, table):
    (found,) = embeddings("nearest", table, "whole milk", "-n", "1")["words"]
    assert found["known"]
    assert [each["word"] for each in found["neighbours"]] == ["rolls/buns"]


def test_unknown_word_is_refused_with_near_spellings(call, table):
    called = call("embeddings", "nearest", table, "river", "strem")
    assert called.code == 1
    assert called.err.startswith("error: there's no vector for 'strem'")
    assert "'stream'" in called.err and called.err.count("\n") == 1


def test_words_with_vectors_are_printed_beside_unknown_ones(call, table):
    called = call("embeddings", "nearest", table, "river", "strem", "money", "xyzzy", "-n", "1")
    assert called.code == 1
    assert re.search(r"river +cosine\nstream +0\.990\n\nmoney +cosine\n", called.out)
    first, second = called.err.splitlines()
    assert "'strem'" in first and "'xyzzy'" in second


def test_unknown_word_has_an_error_among_the_json(call, table):
    called = call("embeddings", "nearest", table, "river", "strem", "--json")
    known, unknown = json.loads(called.out)["words"]
    assert called.code == 1 and known["neighbours"] and "error" not in known
    assert "no vector for 'strem'" in unknown["error"] and unknown["neighbours"] == []


def test_file_of_vectors_is_opened_like_a_pipeline(embeddings, tmp_path, lists):
    path = tmp_path / "vectors.txt"
    rows = {**PLANE, **ROYAL}
    lines = [f"{word.replace(' ', '_')} {' '.join(map(str, row))}\n" for word, row in rows.items()]
    path.write_text(f"{len(lines)} 3\n{''.join(lines)}", encoding="utf-8")
    (found,) = embeddings("nearest", str(path), "river", "-n", "1")["words"]
    assert found["neighbours"][0]["word"] == "stream"
    report = embeddings("evaluate", str(path), "--similarity", lists["similarity"])
    assert report["scores"]["similarity"]["similarity"]["covered"] == 3


def test_vectors_of_ours_are_those_of_the_embedder(embeddings, tmp_path):
    embedder = FastText(width=4, min_count=1, epochs=1)
    embedder.fit([["river", "rivers", "bank", "riverside"]] * 20)
    nlp = spacy.blank("en")
    nlp.vocab.vectors = EmbedderVectors(strings=nlp.vocab.strings, embedder=embedder)
    opened = _embedder_of(nlp, "model")
    assert opened is embedder
    (found,) = find_nearest(Opened("model", embedder, nlp), ["riverbed"], most=2)
    assert not found["known"] and len(found["neighbours"]) == 2


def test_tables_of_spacy_may_be_of_lower_case_words_or_of_floret():
    nlp = table_pipeline()
    table = SpacyTable(nlp.vocab)
    assert len(table.vocabulary) == 13 and table.width == 3
    assert table.embed(["river", "River"]).any(axis=1).tolist() == [True, False]
    old = nlp.vocab.vectors
    lower = {"data": old.data, "keys": ["river"], "attr": LOWER}
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, **lower)
    assert SpacyTable(nlp.vocab).embed(["River"]).any()
    data = np.ones((10, 3), dtype="float32")
    nlp.vocab.vectors = Vectors(mode="floret", data=data, hash_count=1, minn=2, maxn=3)
    floret = SpacyTable(nlp.vocab)
    assert floret.embed(["river"]).shape == (1, 3) and floret.embed(["river"]).any()
    with pytest.raises(DataError, match="no vocabulary"):
        Opened("model", floret, nlp).words()
    with pytest.raises(EmbedderError, match="can't be fitted"):
        floret.fit([])


def test_analogy_is_answered_by_both_methods(embeddings, table):
    for method in ("3cosadd", "3cosmul"):
        found = embeddings("analogy", table, "man", "woman", "king", "--method", method)
        assert found["answers"][0]["word"] == "queen"
        assert len(found["answers"]) == 5


def test_analogy_is_printed_and_unknown_word_refused(call, table):
    called = call("embeddings", "analogy", table, "man", "woman", "king", "-n", "1")
    assert called.out.splitlines()[1].startswith("queen ")
    assert call("embeddings", "analogy", table, "man", "woman", "qing").code == 1


def test_given_lists_are_scored_and_no_others(embeddings, table, lists):
    arguments = [word for kind, path in lists.items() for word in (f"--{kind}", path)]
    report = embeddings("evaluate", table, *arguments)
    assert sorted(report["lists"]) == sorted(lists.values())
    assert (report["words"], report["width"], report["encoder"]) == (13, 3, False)
    scores = report["scores"]
    assert set(scores) == {"similarity", "analogies", "categories", "sentences"}
    assert scores["similarity"]["similarity"]["spearman"] == pytest.approx(1)
    assert scores["similarity"]["similarity"]["covered"] == 3
    assert scores["analogies"]["analogies"]["sections"]["royal"]["3cosadd"] == 1.0
    assert scores["categories"]["categories"]["purity"] == 1.0
    assert scores["sentences"]["sentences"]["mean"]["spearman"] == pytest.approx(1)


def test_without_lists_the_known_ones_are_scored_and_named(
    call, embeddings, table, tmp_path, monkeypatch
):
    folder = tmp_path / "data" / "wordsim"
    folder.mkdir(parents=True)
    (folder / "EN-SIMLEX-999.txt").write_text(LISTS["similarity"], encoding="utf-8")
    (folder / "somebody-elses.txt").write_text("nothing", encoding="utf-8")
    monkeypatch.setenv("SEQPIPE_DATA", str(tmp_path / "data"))
    report = embeddings("evaluate", table)
    assert report["lists"] == ["data:wordsim/EN-SIMLEX-999.txt"]
    assert set(report["scores"]) == {"similarity", "relatedness", "word_order"}
    printed = call("embeddings", "evaluate", table).out
    assert re.search(r"^EN-SIMLEX-999 +1\.000 +3 of 4 ", printed, re.M)
    assert "lists: data:wordsim/EN-SIMLEX-999.txt" in printed


def test_without_data_only_the_packages_lists_are_scored(call, table, lists):
    called = call("embeddings", "evaluate", table)
    assert called.code == 0
    assert "set SEQPIPE_DATA" in called.out
    assert re.search(r"^synonyms +– +– +0 of 172$", called.out, re.M)


def test_every_table_is_printed(call, table, lists):
    arguments = [word for kind, path in lists.items() for word in (f"--{kind}", path)]
    called = call("embeddings", "evaluate", table, *arguments)
    assert called.code == 0
    assert re.search(r"^similarity +1\.000 +3 of 4 +\d\.\d{3}$", called.out, re.M)
    assert re.search(r"^  royal +1\.000 +1\.000 +1 of 2$", called.out, re.M)
    assert re.search(r"^categories +1\.000 +0\.\d{3} +2 +4 of 4$", called.out, re.M)
    assert re.search(r"^sentences, sif +-?\d\.\d{3} +-?\d\.\d{3} +3$", called.out, re.M)


def test_encoder_distinguishes_orders_that_bags_of_words_cannot(embeddings, encoder, lists):
    report = embeddings("evaluate", encoder)
    assert report["encoder"]
    order = report["scores"]["word_order"]
    assert order["mean"]["told_apart"] == order["sif"]["told_apart"] == 0.0
    assert order["encoder"]["told_apart"] == 1.0


def test_encoder_is_scored_on_sentences_too(embeddings, encoder, lists):
    report = embeddings("evaluate", encoder, "--sentences", lists["sentences"])
    assert set(report["scores"]["sentences"]["sentences"]) == {"pairs", "mean", "sif", "encoder"}


def test_word_in_context_has_neighbours_of_its_context(embeddings, encoder, corpus):
    texts = ["He sat by the river [bank] in the sun.", "an account at the [bank] of money"]
    arguments = [word for text in texts for word in ("--in-context", text)]
    report = embeddings("nearest", encoder, *arguments, "--corpus", corpus, "-n", "3")
    assert report["corpus"] == corpus and report["words"] == []
    assert [found["word"] for found in report["contexts"]] == ["bank", "bank"]
    nearest_uses = [found["same_word"][0]["text"] for found in report["contexts"]]
    assert nearest_uses == [
        "He sat by the river bank in the water.",
        "She has an account at the bank of money.",
    ]
    for found in report["contexts"]:
        scores = [each["score"] for each in found["other_words"]]
        assert len(scores) == 3 and scores == sorted(scores, reverse=True)
        assert all(each["word"].lower() != "bank" for each in found["other_words"])
        for each in found["other_words"] + found["same_word"]:
            assert each["text"][each["start"] : each["end"]] == each["word"]


def test_neighbours_in_context_are_printed_with_their_sentences(call, encoder, corpus):
    called = call(
        *("embeddings", "nearest", encoder, "river", "--in-context", "the river [bank]"),
        *("--corpus", corpus, "--sentences", "3"),
    )
    assert called.code == 0
    assert "bank elsewhere, nearest to: the river bank" in " ".join(called.out.split())
    assert "He sat by the river [bank] in the water." in called.out
    assert "gave him" not in called.out
    assert f"corpus: {corpus}" in called.out


def test_default_corpus_is_the_wikipedia_or_the_packages_sentences(
    embeddings, encoder, tmp_path, monkeypatch
):
    monkeypatch.delenv("SEQPIPE_DATA", raising=False)
    asked = ("nearest", encoder, "--in-context", "river [bank]", "-n", "1")
    assert embeddings(*asked)["corpus"].startswith("package:seqpipe/")
    wiki = tmp_path / "corpus_enwiki" / "enwiki_00.txt.bz2"
    wiki.parent.mkdir()
    wiki.write_bytes(bz2.compress(SENTENCES.encode()))
    monkeypatch.setenv("SEQPIPE_DATA", str(tmp_path))
    assert embeddings(*asked)["corpus"] == "data:corpus_enwiki/enwiki_00.txt.bz2"


def test_senses_are_scored_by_each_way(call, embeddings, encoder):
    report = embeddings("senses", encoder, "bank", "plant")
    assert list(report["words"]) == ["bank", "plant"]
    for score in report["words"].values():
        assert score["uses"] == 20
        assert score["chance"] == score["static"]["accuracy"] == 0.5
        assert 0 <= score["encoder"]["accuracy"] <= 1
    printed = call("embeddings", "senses", encoder, "bank").out
    assert re.search(r"^bank \(money, river\) +0\.500 +0\.500; 0\.500 ", printed, re.M)


def test_senses_without_an_encoder_say_so(call, table):
    called = call("embeddings", "senses", table)
    assert called.code == 0
    assert "has no encoder" in called.out


MISTAKES = {
    "no such model": (["nearest", "nowhere", "river"], ["nowhere is neither a folder"]),
    "not a pipeline": (["nearest", "{empty}", "river"], ["is a folder with neither vectors"]),
    "output of a run": (["nearest", "{run}", "river"], ["name its pipeline", "model-best"]),
    "damaged pipeline": (["nearest", "{damaged}", "river"], ["can't be loaded as a pipeline"]),
    "no vectors": (["nearest", "{blank}", "river"], ["has no word vectors"]),
    "no encoder": (["nearest", "{table}", "--in-context", "a [bank]"], ["has no encoder"]),
    "no brackets": (["nearest", "{table}", "--in-context", "a bank"], ["exactly one word"]),
    "no such list": (["evaluate", "{table}", "--similarity", "none.txt"], ["none.txt isn't there"]),
    "no such sense": (["senses", "{table}", "bass"], ["'bass'", "bank, plant"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_named(call, table, tmp_path, monkeypatch, mistake):
    monkeypatch.chdir(tmp_path)
    folders = {"table": table}
    for name in ("empty", "run", "damaged", "blank"):
        folders[name] = str(tmp_path / name)
        (tmp_path / name).mkdir()
    spacy.blank("en").to_disk(tmp_path / "blank")
    spacy.blank("en").to_disk(tmp_path / "run" / "model-best")
    spacy.blank("en").to_disk(tmp_path / "damaged")
    (tmp_path / "damaged" / "config.cfg").write_text("[nlp", encoding="utf-8")
    arguments, said = MISTAKES[mistake]
    called = call("embeddings", *(argument.format(**folders) for argument in arguments))
    assert called.code == 1, called.out
    assert called.err.startswith("error: ") and "Traceback" not in called.err
    for text in said:
        assert text in called.err


def test_nothing_to_look_for_is_a_usage_error(call, table):
    called = call("embeddings", "nearest", table)
    assert called.code == 2
    assert "--in-context" in called.err
