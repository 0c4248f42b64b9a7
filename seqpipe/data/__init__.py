"""Looks at data before anything is trained on it: formats, counts, duplicates, leaks, labels that look like mistakes."""

from seqpipe.data._columns import Column as Column
from seqpipe.data._duplicates import Duplicate as Duplicate
from seqpipe.data._duplicates import Leak as Leak
from seqpipe.data._duplicates import find_duplicates as find_duplicates
from seqpipe.data._duplicates import find_leaks as find_leaks
from seqpipe.data._formats import guess as guess
from seqpipe.data._guess import Guess as Guess
from seqpipe.data._mistakes import Found as Found
from seqpipe.data._mistakes import Mistake as Mistake
from seqpipe.data._mistakes import find_mistakes as find_mistakes
from seqpipe.data._report import Report as Report
from seqpipe.data._report import examine_files as examine_files
from seqpipe.data._report import examine_section as examine_section
from seqpipe.data._report import judge_labels as judge_labels
from seqpipe.data._report import report_to_json as report_to_json
from seqpipe.data._scan import Scan as Scan
from seqpipe.data._scan import scan as scan
from seqpipe.data._section import Part as Part
from seqpipe.data._section import name_parts as name_parts
from seqpipe.data._section import read_part as read_part
from seqpipe.data._section import read_section as read_section
from seqpipe.data._section import settings_of as settings_of
from seqpipe.data._section import write_section as write_section
from seqpipe.data._summary import Lengths as Lengths
from seqpipe.data._summary import Problem as Problem
from seqpipe.data._summary import Summary as Summary
from seqpipe.data._summary import summarise as summarise

__all__ = [
    "Column",
    "Duplicate",
    "Found",
    "Guess",
    "Leak",
    "Lengths",
    "Mistake",
    "Part",
    "Problem",
    "Report",
    "Scan",
    "Summary",
    "examine_files",
    "examine_section",
    "find_duplicates",
    "find_leaks",
    "find_mistakes",
    "guess",
    "judge_labels",
    "name_parts",
    "read_part",
    "read_section",
    "report_to_json",
    "scan",
    "settings_of",
    "summarise",
    "write_section",
]
