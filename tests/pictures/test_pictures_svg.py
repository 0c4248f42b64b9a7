"""Pictures as SVG."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures.picture_examples import HOSTILE, Drawn, crowds

from seqpipe.pictures import PictureError, draw_svg, project
from seqpipe.pictures._groups import COLOURS, GREY, make_groups
from seqpipe.pictures._svg import Box, place_labels
from seqpipe.pictures._text import shown, width_of

SVG = "{http://www.w3.org/2000/svg}"


def parse(text):
    return ET.fromstring(text.encode("utf-8"))


def texts(picture):
    return [element.text for element in picture.iter(f"{SVG}text")]


def test_picture_shows_title_names_and_groups():
    embedder, groups = crowds(4)
    picture = parse(draw_svg(project(embedder, groups), title="Crowds", groups=groups))
    assert {"Crowds", *groups, "red (4)", "blue (4)"} <= set(texts(picture))
    titles = [element.text for element in picture.iter(f"{SVG}title")]
    assert titles[0] == "Crowds" and set(titles[1:13]) == set(groups)


def test_points_of_a_group_have_its_colour():
    embedder, groups = crowds(4)
    picture = parse(draw_svg(project(embedder, groups), groups=groups))
    colours = {}
    for mark in picture.iter(f"{SVG}g"):
        if (title := mark.find(f"{SVG}title")) is not None:
            colours.setdefault(groups[title.text], set()).add(mark.get("fill"))
    assert len(colours) == 3
    assert len({colour for found in colours.values() for colour in found}) == 3


def test_picture_without_groups_has_no_legend_and_one_colour():
    embedder, groups = crowds(3)
    picture = parse(draw_svg(project(embedder, groups)))
    assert set(texts(picture)) <= set(groups)
    assert {m.get("fill") for m in picture.iter(f"{SVG}g") if m.get("fill")} == {COLOURS[0]}


def test_points_and_names_are_inside():
    embedder, groups = crowds()
    given = {"width": 640, "height": 480, "groups": groups, "title": "x" * 500}
    picture = parse(draw_svg(project(embedder, groups, method="pca"), **given))
    for text in picture.iter(f"{SVG}text"):
        assert 0 < float(text.get("x")) < 640 and 0 < float(text.get("y")) < 480
    for mark in picture.iter(f"{SVG}g"):
        if mark.get("transform"):
            x, y = mark.get("transform").removeprefix("translate(").rstrip(")").split()
            assert 0 < float(x) < 640 and 0 < float(y) < 480


def test_hostile_names_are_text_and_nothing_else():
    projection = project(Drawn(), HOSTILE, method="pca")
    groups = dict.fromkeys(HOSTILE[:8], HOSTILE[0])
    text = draw_svg(projection, title="</title><script>", groups=groups)
    picture = parse(text)
    elements = {element.tag.removeprefix(SVG) for element in picture.iter()}
    assert elements == {"svg", "title", "rect", "g", "circle", "text"}
    titles = [element.text for element in picture.iter(f"{SVG}title")]
    assert titles[0] == "</title><script>"
    assert set(titles[1:]) == {shown(word, 200) for word in HOSTILE}


def test_picture_too_small_is_refused():
    with pytest.raises(PictureError, match="100 × 750 is too small"):
        draw_svg(project(Drawn(), "ab"), width=100)


def test_many_words_are_drawn_with_few_names():
    words = [f"word{number}" for number in range(3000)]
    picture = parse(draw_svg(project(Drawn(), words, method="pca")))
    assert sum(1 for _ in picture.iter(f"{SVG}circle")) == 3000
    assert 50 < len(texts(picture)) < 1500
    assert texts(picture)[0] == "word0"


places = st.floats(0, 300, allow_nan=False)
words = st.text("abcW日 ", min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(places, places, words), max_size=40))
def test_no_name_covers_another_or_another_point(points):
    frame = Box(0, 0, 300, 300)
    labels = place_labels(
        [(x, y) for x, y, _ in points],
        [word for *_, word in points],
        size=12,
        radius=3,
        frame=frame,
    )
    boxes = []
    for number, (label, (*_, word)) in enumerate(zip(labels, points, strict=True)):
        if label:
            width = 12 * width_of(word)
            left = label.x - {"start": 0, "middle": width / 2, "end": width}[label.anchor]
            boxes.append((number, Box(left, label.y - 6, left + width, label.y + 6)))
    for place, (number, box) in enumerate(boxes):
        assert box.left >= 0 and box.top >= 0 and box.right <= 300 and box.bottom <= 300
        assert not any(box.overlaps(other) for _, other in boxes[:place])
        for other, (x, y, _) in enumerate(points):
            assert other == number or not box.overlaps(Box(x - 3, y - 3, x + 3, y + 3))


def test_first_word_has_its_name_where_there_is_room_for_one():
    labels = place_labels(
        [(50, 50), (52, 50), (54, 50)],
        ["one"] * 3,
        size=12,
        radius=3,
        frame=Box(0, 44, 80, 56),
    )
    assert labels[0] and labels[0].anchor == "end"


def test_groups_are_ordered_by_size_and_distinguished():
    words = [str(number) for number in range(200)]
    groups = {word: f"g{int(word) % 40:02}" for word in words if int(word) < 190}
    made = make_groups(words, groups)
    assert [mark.name for mark in made.marks[-2:]] == ["other groups", "no group"]
    own = made.marks[:-2]
    assert len(own) == 35
    assert len({(mark.colour, mark.shape) for mark in own}) == 35
    assert sum(mark.size for mark in made.marks) == 200
    assert {mark.colour for mark in made.marks[-2:]} == {GREY}
    for word, place in zip(words, made.of_word, strict=True):
        assert made.marks[place].name in (groups.get(word, "no group"), "other groups")


@pytest.mark.parametrize(
    ("word", "text"),
    [("cat", "cat"), ("a\tb\0", "a\\tb\\x00"), ("\ud800", "\\ud800"), ("x" * 50, "x" * 39 + "…")],
)
def test_words_are_shown_as_text_that_can_be_written(word, text):
    assert shown(word) == text
    shown(word).encode("utf-8")


def test_wide_letters_are_wider():
    assert width_of("日本") > width_of("ab") > width_of("il") > width_of("\u0301") == 0
