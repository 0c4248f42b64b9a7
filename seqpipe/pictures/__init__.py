"""Pictures of embeddings: words, items or nodes as points in a plane, near to what they're like.

Knows embedders; doesn't know how they're trained or saved, nor spaCy.
"""

from seqpipe.pictures._page import draw_page as draw_page
from seqpipe.pictures._project import METHODS as METHODS
from seqpipe.pictures._project import Method as Method
from seqpipe.pictures._project import Projection as Projection
from seqpipe.pictures._project import project as project
from seqpipe.pictures._svg import draw_svg as draw_svg
from seqpipe.pictures._text import PictureError as PictureError

__all__ = [
    "METHODS",
    "Method",
    "PictureError",
    "Projection",
    "draw_page",
    "draw_svg",
    "project",
]
