"""Tags of chunks: what they mean in each scheme, and back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqpipe.parts.chunks import (
    SCHEMES,
    Chunk,
    ChunkError,
    allowed_tags,
    are_chunks,
    chunk_tags,
    find_scheme,
    read_chunks,
)


def words(text):
    return text.split()


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [
        ("IO", "O I-A I-A O I-B I-A"),
        ("IOB1", "O I-A I-A O I-B I-A"),
        ("BIO", "O B-A I-A O B-B B-A"),
        ("BIOES", "O B-A E-A O S-B S-A"),
        ("BIOES", "O B-A E-A O U-B U-A"),
        ("BIOES", "O B-A L-A O S-B S-A"),
    ],
)
def test_same_chunks_are_read_in_each_scheme(scheme, tags):
    assert read_chunks(words(tags), scheme) == [(1, 3, "A"), (4, 5, "B"), (5, 6, "A")]


def test_b_divides_chunks_of_one_label():
    expected = [(0, 1, "A"), (1, 3, "A")]
    assert read_chunks(words("I-A B-A I-A"), "IOB1") == expected
    assert read_chunks(words("B-A B-A I-A"), "BIO") == expected
    assert read_chunks(words("S-A B-A M-A E-A"), "BIOES") == [(0, 1, "A"), (1, 4, "A")]


@pytest.mark.parametrize(
    ("scheme", "tags", "word"),
    [
        ("BIO", "O I-A", 2),
        ("BIO", "B-A I-B", 2),
        ("BIOES", "I-A E-A", 1),
        ("BIOES", "B-A O", 2),
        ("BIOES", "B-A S-A", 2),
        ("BIOES", "O B-A", 3),
        ("BIOES", "E-A", 1),
    ],
)
def test_broken_scheme_is_told_with_the_word(scheme, tags, word):
    with pytest.raises(
        ChunkError, match=rf"the tag of its word {word}, .* breaks the scheme {scheme}"
    ):
        read_chunks(words(tags), scheme)


@pytest.mark.parametrize("tag", ["A", "X-A", "B-", "-A", "b-A", ""])
def test_tag_of_no_chunk_is_told(tag):
    with pytest.raises(ChunkError, match="tags of chunks"):
        read_chunks([tag], "BIO")
    assert not are_chunks([["B-A", tag]])
    assert are_chunks([["B-A", tag], ["B-A"], ["O"]])


def test_tags_of_most_texts_decide_whether_they_are_chunks():
    assert are_chunks([["O", "O"]])
    assert are_chunks([["O", "B-A"]])
    assert not are_chunks([["NOUN"], ["VERB"], ["O"]])
    assert not are_chunks([])


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["O I-A I-A", "I-B O"], "IOB1"),
        (["O I-A B-A", "I-B O"], "IOB1"),
        (["O B-A I-A", "B-B O"], "BIO"),
        # A mistake makes no other scheme.
        (["O B-A I-A", "B-B O", "I-A O"], "BIO"),
        (["O B-A E-A", "O"], "BIOES"),
        (["S-A"], "BIOES"),
        (["O"], "BIOES"),
        (["O B-A I-A"] * 10 + ["O E-A"], "BIO"),
        (["O B-A E-A", "S-A"] * 5 + ["O I-A"], "BIOES"),
    ],
)
def test_scheme_is_found(tags, scheme):
    assert find_scheme([words(each) for each in tags]) == scheme


@st.composite
def chunks(draw):
    """Chunks that don't overlap, and how many words there are."""
    at, found = 0, []
    for _ in range(draw(st.integers(0, 4))):
        start = at + draw(st.integers(0, 2))
        at = start + draw(st.integers(1, 3))
        found.append(Chunk(start, at, draw(st.sampled_from("AB"))))
    return found, at + draw(st.integers(0, 2))


@given(chunks())
def test_chunks_are_read_from_their_tags(case):
    found, length = case
    tags = chunk_tags(found, length)
    assert len(tags) == length
    assert read_chunks(tags, "BIOES") == found


TAGS = {
    "IO": "O I-A I-B",
    "IOB1": "O B-A I-A I-B",
    "BIO": "O B-A I-A B-B I-B",
    "IOB2": "O B-A I-A B-B I-B",
    "BIOES": "O B-A I-A E-A S-A B-B E-B",
    "BMES": "O B-A M-A E-A S-A B-B E-B",
    "BILOU": "O B-A I-A L-A U-A B-B L-B",
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_allowed_is_what_can_be_read(scheme):
    tags = words(TAGS[scheme])
    allowed = allowed_tags(tags, scheme)
    for sequence in itertools.product(range(len(tags)), repeat=3):
        is_allowed = allowed.first[sequence[0]] and allowed.last[sequence[-1]]
        is_allowed &= all(allowed.neighbours[pair] for pair in itertools.pairwise(sequence))
        try:
            read_chunks([tags[number] for number in sequence], scheme)
        except ChunkError:
            assert not is_allowed, sequence
        else:
            assert is_allowed, sequence


def test_ends_of_chunks_are_no_part_of_bio():
    # Read as BIO, tags of ends would go unnoticed, and so would a chunk without one.
    assert find_scheme([["B-A", "M-A", "E-A"], ["B-A", "M-A"], ["M-A", "E-A"]][:1] * 3) == "BMES"
    assert find_scheme([["B-A", "I-A", "E-A", "S-B"], ["B-A", "I-A"]]) == "BIOES"
    assert find_scheme([["B-A", "I-A"], ["B-A", "B-A"]]) == "BIO"
