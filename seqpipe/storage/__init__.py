"""Saved models on disk: written whole or not at all, and checked before anything is parsed.

Knows folders, files and hashes. Doesn't know what a model is, nor spaCy.
"""

from seqpipe.errors import ReplacedError as ReplacedError
from seqpipe.storage._cache import cache_folder as cache_folder
from seqpipe.storage._cache import is_trusted as is_trusted
from seqpipe.storage._cache import make_private as make_private
from seqpipe.storage._cache import remove_leftovers as remove_leftovers
from seqpipe.storage._files import sizes_of as sizes_of
from seqpipe.storage._in_place import check_sealed as check_sealed
from seqpipe.storage._in_place import is_marked as is_marked
from seqpipe.storage._in_place import unchanged as unchanged
from seqpipe.storage._in_place import written_in_place as written_in_place
from seqpipe.storage._manifest import discard_manifest as discard_manifest
from seqpipe.storage._manifest import has_manifest as has_manifest
from seqpipe.storage._manifest import manifest_size as manifest_size
from seqpipe.storage._save import check_replaceable as check_replaceable
from seqpipe.storage._save import move_folder as move_folder
from seqpipe.storage._save import remove_folder as remove_folder
from seqpipe.storage._save import reserved as reserved
from seqpipe.storage._save import verify_folder as verify_folder
from seqpipe.storage._save import write_file as write_file
from seqpipe.storage._save import write_folder as write_folder
from seqpipe.storage._save import write_text as write_text
from seqpipe.storage._series import SaveSeries as SaveSeries
from seqpipe.storage._series import write_once as write_once

__all__ = [
    "ReplacedError",
    "SaveSeries",
    "cache_folder",
    "check_replaceable",
    "check_sealed",
    "discard_manifest",
    "has_manifest",
    "is_marked",
    "is_trusted",
    "make_private",
    "manifest_size",
    "move_folder",
    "remove_folder",
    "remove_leftovers",
    "reserved",
    "sizes_of",
    "unchanged",
    "verify_folder",
    "write_file",
    "write_folder",
    "write_once",
    "write_text",
    "written_in_place",
]
