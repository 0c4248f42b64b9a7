"""The benchmark of retrofitting: WordNet's files, and what's made of its lists."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from retrofitting import Lists, hold_out, ordered
from wordnet_lists import antonym_pairs, read_senses, read_wordnet, synonym_groups

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "wordnet_lists.py"

#: In WordNet's form; the numbers of bytes are made up.
DATA = {
    "noun": "  1 a licence\n00000010 03 n 03 heat 0 warmth 0 body_heat 0 001 ! 00000020 n 0101 | being hot\n"
    "00000020 03 n 02 cold 0 Frost 0 001 ! 00000010 n 0101 | being cold\n",
    "verb": "00000030 30 v 02 heat 0 warm 0 000 01 + 08 00 | make hot\n",
    "adj": "00000040 00 a 01 hot(p) 0 001 ! 00000050 a 0101 | of high temperature\n"
    "00000050 00 a 01 cold 0 002 ! 00000040 a 0101 & 00000060 a 0000 | of low temperature\n"
    "00000060 00 s 0a chilly 0 cool 0 a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 001 & 00000050 a 0000 | rather\n",
    "adv": "",
}
INDEX = {
    "noun": "heat n 1 1 ! 1 1 00000010\nwarmth n 2 1 ! 2 1 00000099 00000010\ncold n 1 1 ! 1 1 00000020\n"
    "frost n 1 0 1 0 00000020\nbody_heat n 1 0 1 0 00000010\n",
    "verb": "heat v 1 0 1 1 00000030\nwarm v 3 0 3 1 00000097 00000098 00000030\n",
    "adj": "hot a 1 1 ! 1 1 00000040\ncold a 1 2 ! & 1 1 00000050\n"
    + "".join(f"{w} a 1 1 & 1 0 00000060\n" for w in ("chilly", "cool", *"abcdefgh")),
    "adv": "",
}


@pytest.fixture
def wordnet(tmp_path):
    for part in DATA:
        (tmp_path / f"data.{part}").write_text(DATA[part], encoding="utf-8")
        (tmp_path / f"index.{part}").write_text(INDEX[part], encoding="utf-8")
    return tmp_path


def test_antonyms_are_between_single_words_each_pair_once(wordnet):
    assert antonym_pairs(read_wordnet(wordnet)) == [("cold", "heat"), ("cold", "hot")]


def test_synonyms_share_one_of_their_commonest_meanings(wordnet):
    synsets, senses = read_wordnet(wordnet), read_senses(wordnet)
    cool = (*"abc", "chilly", "cool", *"defgh")
    assert synonym_groups(synsets, senses, 1) == [cool]
    assert synonym_groups(synsets, senses, 2) == [cool, ("heat", "warmth")]
    assert synonym_groups(synsets, senses, 3) == [cool, ("heat", "warm"), ("heat", "warmth")]


def test_lists_are_written(wordnet, tmp_path):
    command = [sys.executable, str(SCRIPT), str(wordnet), str(tmp_path / "lists")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lists" / "antonyms.txt").read_text() == "cold heat\ncold hot\n"
    assert (tmp_path / "lists" / "synonyms.txt").read_text().endswith("heat warmth\n")


def test_pairs_that_are_left_out_are_in_neither_list():
    lists = Lists([("a", "b", "c"), ("d", "e")], [("e", "f"), ("a", "c")])
    assert lists.pairs() == (
        {("a", "b"), ("b", "c"), ("d", "e")},
        {("a", "c"), ("e", "f")},
    )
    fewer = lists.without([("b", "a"), ("f", "e")])
    assert fewer.pairs() == ({("b", "c"), ("d", "e")}, {("a", "c")})


def test_pairs_held_out_are_not_trained_on():
    lists = Lists(
        [(f"a{i}", f"b{i}", f"a{i + 1}") for i in range(50)], [("x", f"y{i}") for i in range(50)]
    )
    fewer, kept_back = hold_out(lists, 0.2, seed=0)
    assert len(kept_back.synonyms) == len(kept_back.antonyms) == 10
    for trained, asked in zip(fewer.pairs(), kept_back.pairs(), strict=True):
        assert asked and trained and not asked & trained
    assert ordered(("b", "a")) == ("a", "b")
