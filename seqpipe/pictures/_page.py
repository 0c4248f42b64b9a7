"""A picture as a page: one file, with its script in it, that loads nothing."""

import html
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import Any, Final

from seqpipe.pages import json_in_script, source_hash
from seqpipe.pictures._groups import SHAPES, make_groups
from seqpipe.pictures._project import Projection
from seqpipe.pictures._text import shown

_SCRIPTS: Final = ("view.js", "draw.js", "controls.js", "main.js")

#: What the methods are called where people read it.
_NAMES: Final = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}


def draw_page(
    projection: Projection, *, title: str = "", groups: Mapping[str, str] | None = None
) -> str:
    """Draw a picture as an HTML page to explore.

    It can be moved and zoomed by mouse, finger and keyboard, and searched; a point shows its nearest
    neighbours; groups can be hidden; it's light or dark. Everything is in the file, and by its content
    security policy no other script runs and nothing is loaded.

    Args:
        projection: Words and where they are.
        title: Stands above.
        groups: The group of each word; a word may have none.
    """
    style = _read("page.css")
    script = _script()
    return Template(_read("page.html")).substitute(
        title=html.escape(shown(title or "Words in a plane", 200)),
        caption=html.escape(_caption(projection)),
        style=style,
        style_hash=source_hash(style),
        script=script,
        script_hash=source_hash(script),
        data=json_in_script(_data(projection, groups)),
    )


def _read(name: str) -> str:
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _script() -> str:
    body = "\n".join(map(_read, _SCRIPTS))
    return f'(() => {{\n"use strict";\n{body}}})();\n'


def _caption(projection: Projection) -> str:
    return f"{len(projection.words):,} points by {_NAMES[projection.method]}, lines to neighbours by cosine"


def _data(projection: Projection, groups: Mapping[str, str] | None) -> dict[str, Any]:
    made = make_groups(projection.words, groups)
    return {
        "words": [shown(word, 200) for word in projection.words],
        "x": projection.points[:, 0].round(5).tolist(),
        "y": projection.points[:, 1].round(5).tolist(),
        "near": projection.neighbours.tolist(),
        "cosines": (projection.cosines * 1000).round().astype(int).tolist(),
        "group": made.of_word,
        "groups": [
            {
                "name": shown(mark.name, 100),
                "colour": mark.colour,
                "shape": SHAPES[mark.shape],
                "size": mark.size,
            }
            for mark in made.marks
        ],
    }
