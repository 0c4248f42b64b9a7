"""Reads pipeline files, checks them, and says what's wrong with them, and where.

Reading needs neither spaCy nor a plugin, so that errors of syntax show at once; they're imported when
a file is checked.
"""

from seqpipe.config._check import check as check
from seqpipe.config._check import check_by_record as check_by_record
from seqpipe.config._compile import compile_file as compile_file
from seqpipe.config._compile import compile_read as compile_read
from seqpipe.config._compile import restore_dollars as restore_dollars
from seqpipe.config._expand import expand as expand
from seqpipe.config._read import PipelineFile as PipelineFile
from seqpipe.config._read import name_of as name_of
from seqpipe.config._read import read as read
from seqpipe.config._read import read_text as read_text
from seqpipe.config._refusals import blocks_in as blocks_in
from seqpipe.config._refusals import from_confection as from_confection
from seqpipe.config._refusals import raised_in as raised_in
from seqpipe.config._refusals import refusal as refusal
from seqpipe.config._schema import DEFAULT_PARTS as DEFAULT_PARTS
from seqpipe.config._schema import Makes as Makes
from seqpipe.config._schema import what_is_made as what_is_made
from seqpipe.config._spacy_facts import record_facts as record_facts
from seqpipe.config._types import descend as descend
from seqpipe.config._upgrade import Upgrade as Upgrade
from seqpipe.config._upgrade import upgrade as upgrade
from seqpipe.config._usage import Setting as Setting
from seqpipe.config._usage import section_of as section_of
from seqpipe.config._usage import settings_of as settings_of
from seqpipe.messages import Diagnostic as Diagnostic
from seqpipe.messages import PipelineFileError as PipelineFileError
from seqpipe.messages import Place as Place
from seqpipe.messages import Style as Style
from seqpipe.messages import render as render

__all__ = [
    "DEFAULT_PARTS",
    "Diagnostic",
    "Makes",
    "PipelineFile",
    "PipelineFileError",
    "Place",
    "Setting",
    "Style",
    "Upgrade",
    "blocks_in",
    "check",
    "check_by_record",
    "compile_file",
    "compile_read",
    "descend",
    "expand",
    "from_confection",
    "name_of",
    "raised_in",
    "read",
    "read_text",
    "record_facts",
    "refusal",
    "render",
    "restore_dollars",
    "section_of",
    "settings_of",
    "upgrade",
    "what_is_made",
]
