"""Pictures as a page."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
from pictures.picture_examples import HOSTILE, Drawn, crowds

from seqpipe.pictures import draw_page, project
from seqpipe.pictures._text import shown


class Page(HTMLParser):
    """What a browser would find on a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self._open = [], [], {}, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    @property
    def data(self):
        return json.loads(self.texts["script"][0])

    @property
    def script(self):
        return self.texts["script"][1]

    def policy(self):
        (content,) = [a["content"] for tag, a in self.attributes if "http-equiv" in a]
        return content


def sha256(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.fixture(scope="module")
def drawn():
    embedder, groups = crowds(4)
    projection = project(embedder, groups, method="pca", neighbours=3)
    return projection, Page(draw_page(projection, title="Crowds", groups=groups))


def test_page_holds_the_picture(drawn):
    projection, page = drawn
    data = page.data
    assert data["words"] == list(projection.words)
    np.testing.assert_allclose(
        np.array([data["x"], data["y"]]).T, projection.points, rtol=0, atol=1e-5
    )
    assert data["near"] == projection.neighbours.tolist()
    np.testing.assert_allclose(np.array(data["cosines"]) / 1000, projection.cosines, atol=5e-4)
    assert [(group["name"], group["size"]) for group in data["groups"]] == [
        *(("blue", 4), ("green", 4), ("red", 4)),
    ]
    for word, place in zip(data["words"], data["group"], strict=True):
        assert word.startswith(data["groups"][place]["name"])
    assert page.texts["title"] == page.texts["h1"] == ["Crowds"]
    assert "12 points by PCA" in page.texts["p"][0]


def test_only_the_script_of_the_page_may_run_and_nothing_is_loaded(drawn):
    _, page = drawn
    policy = page.policy()
    assert policy.startswith("default-src 'none';")
    assert f"script-src '{sha256(page.script)}'" in policy
    assert f"style-src '{sha256(page.texts['style'][0])}'" in policy
    assert page.tags.count("script") == 2
    for _, attributes in page.attributes:
        assert not {"src", "href", "style", "onclick", "onload"} & set(attributes)
    assert set(re.findall(r"https?://[^\"' ]+", page.script)) == {"http://www.w3.org/2000/svg"}


def test_hostile_names_are_text_and_nothing_else():
    projection = project(Drawn(), HOSTILE, method="pca")
    groups = dict(zip(HOSTILE, HOSTILE[::-1], strict=True))
    plain = Page(draw_page(project(Drawn(), "ab"), title="t", groups={"a": "b"}))
    text = draw_page(projection, title=HOSTILE[0], groups=groups)
    text.encode("utf-8")
    page = Page(text)
    assert page.tags == plain.tags
    assert page.script == plain.script
    assert page.data["words"] == [shown(word, 200) for word in HOSTILE]
    assert page.texts["title"] == [HOSTILE[0]]


def test_page_of_one_colour_has_no_names_of_groups():
    page = Page(draw_page(project(Drawn(), "abc")))
    assert [group["name"] for group in page.data["groups"]] == [""]
    assert page.texts["title"] == ["Words in a plane"]


def run_script(code):
    """Run JavaScript behind the page's view and grid; return what it prints as JSON."""
    script = (files("seqpipe.pictures") / "page" / "view.js").read_text(encoding="utf-8")
    done = subprocess.run(
        ["node", "-e", f"'use strict';\n{script}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


has_node = pytest.mark.skipif(not shutil.which("node"), reason="node isn't installed")

VIEW = """
const data = { words: ["a", "b"], x: [0.5, -1], y: [-0.25, 1] };
globalThis.window = { devicePixelRatio: 2 };
const canvas = { clientWidth: 800, clientHeight: 600 };
const view = makeView(data, canvas);
view.resize();
view.all();
"""


@has_node
def test_zooming_keeps_the_place_under_the_pointer():
    before, after, scale = run_script(
        VIEW
        + """
        const place = () => [view.left(0.5), view.top(-0.25)];
        const before = place();
        view.zoom(3, ...before);
        console.log(JSON.stringify([before, place(), view.scale]));
        """
    )
    assert after == pytest.approx(before)
    assert scale == pytest.approx(3 * 240)


@has_node
def test_moving_follows_the_pointer_and_stays_near_the_points():
    moved, far = run_script(
        VIEW
        + """
        const before = [view.left(0.5), view.top(-0.25)];
        view.move(30, -20);
        const moved = [view.left(0.5) - before[0], view.top(-0.25) - before[1]];
        view.move(1e9, 1e9);
        console.log(JSON.stringify([moved, [view.x, view.y]]));
        """
    )
    assert moved == pytest.approx([30, -20])
    assert far == [-1.5, 1.5]


@has_node
def test_grid_finds_the_nearest_point_that_is_shown():
    random = np.random.default_rng(0)
    points = random.uniform(-1, 1, size=(500, 2))
    asked = random.uniform(-1.1, 1.1, size=(50, 2))
    found = run_script(
        f"""
        const data = {{ words: Array(500).fill(""), x: {points[:, 0].tolist()}, y: {points[:, 1].tolist()} }};
        const grid = makeGrid(data);
        const found = {asked.tolist()}.map(([x, y]) => grid.nearest(x, y, 0.1, (i) => i % 2 === 0));
        console.log(JSON.stringify(found));
        """
    )
    distances = np.linalg.norm(asked[:, None] - points[None], axis=2)
    distances[:, 1::2] = np.inf
    expected = np.where(distances.min(axis=1) <= 0.1, distances.argmin(axis=1), -1)
    assert found == expected.tolist()
    assert -1 in found and max(found) > 0


@has_node
def test_whole_script_can_be_parsed(drawn, tmp_path):
    _, page = drawn
    (tmp_path / "page.js").write_text(page.script, encoding="utf-8")
    subprocess.run(["node", "--check", str(tmp_path / "page.js")], check=True, timeout=60)
