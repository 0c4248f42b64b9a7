"""Readers: labelled texts, and streams of texts or items; splitting them, and naming them by content."""

from seqpipe.parts.readers._contract import BadRow as BadRow
from seqpipe.parts.readers._contract import OnBadRow as OnBadRow
from seqpipe.parts.readers._contract import Reader as Reader
from seqpipe.parts.readers._contract import ReadResult as ReadResult
from seqpipe.parts.readers._contract import Row as Row
from seqpipe.parts.readers._contract import Span as Span
from seqpipe.parts.readers._contract import Stream as Stream
from seqpipe.parts.readers._fingerprint import fingerprint as fingerprint
from seqpipe.parts.readers._folders import Folders as Folders
from seqpipe.parts.readers._jsonl import Jsonl as Jsonl
from seqpipe.parts.readers._labelled_lines import LabelledLines as LabelledLines
from seqpipe.parts.readers._lines import Lines as Lines
from seqpipe.parts.readers._lines import open_lines as open_lines
from seqpipe.parts.readers._parquet import Parquet as Parquet
from seqpipe.parts.readers._parquet import table_rows as table_rows
from seqpipe.parts.readers._paths import data_suffix as data_suffix
from seqpipe.parts.readers._paths import locate as locate
from seqpipe.parts.readers._paths import locate_file as locate_file
from seqpipe.parts.readers._paths import locate_files as locate_files
from seqpipe.parts.readers._settings import check_encoding as check_encoding
from seqpipe.parts.readers._split import split_folds as split_folds
from seqpipe.parts.readers._split import split_rows as split_rows
from seqpipe.parts.readers._split import text_key as text_key
from seqpipe.parts.readers._table import UNCLOSED_QUOTE as UNCLOSED_QUOTE
from seqpipe.parts.readers._table import Csv as Csv
from seqpipe.parts.readers._table import parse_table as parse_table
from seqpipe.parts.readers._table import stream_table as stream_table
from seqpipe.parts.readers._words import AlignedLines as AlignedLines
from seqpipe.parts.readers._words import Columns as Columns
from seqpipe.parts.readers._words import ConllU as ConllU

__all__ = [
    "UNCLOSED_QUOTE",
    "AlignedLines",
    "BadRow",
    "Columns",
    "ConllU",
    "Csv",
    "Folders",
    "Jsonl",
    "LabelledLines",
    "Lines",
    "OnBadRow",
    "Parquet",
    "ReadResult",
    "Reader",
    "Row",
    "Span",
    "Stream",
    "check_encoding",
    "data_suffix",
    "fingerprint",
    "locate",
    "locate_file",
    "locate_files",
    "open_lines",
    "parse_table",
    "split_folds",
    "split_rows",
    "stream_table",
    "table_rows",
    "text_key",
]
