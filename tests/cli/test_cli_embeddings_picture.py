"""``seqpipe embeddings picture``."""

import json
import re

import pytest
from cli.embedding_models import ANGLES, ROYAL, save, table_pipeline


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a pipeline with vectors."""
    return save(table_pipeline(), tmp_path_factory.mktemp("models") / "table")


@pytest.fixture
def picture(call, model):
    """Return a function that draws words of the model."""
    return lambda *arguments: call("embeddings", "picture", model, *map(str, arguments))


def test_words_are_drawn_as_svg(picture, tmp_path):
    called = picture("river", "stream", "Money", "-o", tmp_path / "a.svg", "--title", "Two & two")
    assert called.code == 0
    assert "a.svg: 3 words by pca\n" in called.out
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert text.startswith("<svg") and "Two &amp; two" in text
    assert all(f">{word}</text>" in text for word in ("river", "stream", "money"))


def test_most_frequent_words_are_drawn_as_a_page(picture, tmp_path):
    called = picture("--most", 5, "--method", "tsne", "--output", tmp_path / "new" / "a.HTML")
    assert "5 words by tsne" in called.out
    assert f"{len(ANGLES) + len(ROYAL) - 5} more aren't shown; --most shows more" in called.out
    text = (tmp_path / "new" / "a.HTML").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text)[1])
    assert data["words"] == [*ANGLES][:5]


def test_words_and_groups_come_from_files(picture, tmp_path):
    (tmp_path / "words.txt").write_text("whole milk\tx\n\nbutter\n", encoding="utf-8")
    (tmp_path / "groups.tsv").write_text(
        "whole milk\tfood stuff\nbutter food\nriver\twet\n", encoding="utf-8"
    )
    (tmp_path / "few.txt").write_text("man a\nwoman a\nking b\n", encoding="utf-8")
    groups = ("--groups", tmp_path / "groups.tsv", "-o", tmp_path / "a.svg")
    assert "3 words by pca" in picture("river", "--words-file", tmp_path / "words.txt", *groups).out
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert all(f">{name}</text>" in text for name in ("food stuff (1)", "food (1)", "wet (1)"))
    # Those with groups, if no words are named.
    assert "3 words" in picture("--groups", tmp_path / "few.txt", "-o", tmp_path / "b.svg").out


def test_same_command_writes_the_same_picture(picture, tmp_path):
    for name in ("a.svg", "b.svg"):
        assert picture("--seed", 7, "-o", tmp_path / name, "--title", "x").code == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_words_without_a_vector_are_reported(picture, tmp_path):
    named = ["river", "bank", *(f"unknown{number}" for number in range(12))]
    out = picture(*named, "-o", tmp_path / "a.svg").out
    assert "2 words by pca" in out
    assert "without a vector, and not shown: 'unknown0', " in out and "'unknown9' and 2 more" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "a.png"], "its name ends in .svg or .html"),
        (["--most", "1"], "Invalid value for '--most'"),
        (["--method", "mds"], "Invalid value for '--method'"),
        (["--seed", "-1"], "Invalid value for '--seed'"),
        (["--words-file", "gone.txt"], "gone.txt isn't there"),
        (["--words-file", "empty.txt"], "empty.txt names no word"),
        (["--groups", "empty.txt"], "empty.txt is empty"),
        (["--groups", "alone.txt"], "alone.txt:2 should be a word and its group, and is 'b'"),
        (["xyzzy", "-o", "a.svg"], "0 of 1 words have vectors that can be placed"),
    ],
)
def test_mistakes_are_reported(picture, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n", encoding="utf-8")
    (tmp_path / "alone.txt").write_text("a x\nb\n", encoding="utf-8")
    called = picture(*arguments)
    assert called.code in (1, 2)
    assert message in called.err
    assert not (tmp_path / "a.svg").exists()


def test_help_says_how_to_start(call):
    out = call("embeddings", "picture", "--help").out
    assert "seqpipe embeddings picture vectors.txt.gz --most 300" in out


def test_json_names_what_was_drawn(picture, tmp_path):
    called = picture("river", "stream", "absent", "-o", tmp_path / "a.svg", "--json")
    told = json.loads(called.out)
    assert (told["file"], told["words"]) == (str(tmp_path / "a.svg"), ["river", "stream"])
    assert (told["left_out"], told["more"]) == (["absent"], 0)
