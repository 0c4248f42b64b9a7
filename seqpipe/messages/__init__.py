"""Problems as records, their wording, and how they're rendered.

Deals with text and places, and knows nothing of pipeline files.
"""

from seqpipe.messages._render import COMMAND_LINE as COMMAND_LINE
from seqpipe.messages._render import Diagnostic as Diagnostic
from seqpipe.messages._render import PipelineFileError as PipelineFileError
from seqpipe.messages._render import Place as Place
from seqpipe.messages._render import Problems as Problems
from seqpipe.messages._render import Source as Source
from seqpipe.messages._render import Style as Style
from seqpipe.messages._render import render as render
from seqpipe.messages._render import to_json as to_json
from seqpipe.messages._text import as_json as as_json
from seqpipe.messages._text import did_you_mean as did_you_mean
from seqpipe.messages._text import listed as listed
from seqpipe.messages._text import nearest as nearest
from seqpipe.messages._text import one_of as one_of
from seqpipe.messages._text import plural as plural
from seqpipe.messages._text import quote as quote
from seqpipe.messages._text import show as show

__all__ = [
    "COMMAND_LINE",
    "Diagnostic",
    "PipelineFileError",
    "Place",
    "Problems",
    "Source",
    "Style",
    "as_json",
    "did_you_mean",
    "listed",
    "nearest",
    "one_of",
    "plural",
    "quote",
    "render",
    "show",
    "to_json",
]
