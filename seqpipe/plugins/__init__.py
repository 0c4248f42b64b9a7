"""Finds, verifies and loads plugins, and knows which distribution provides which part.

Only the plugins that are used are imported. The registries that spaCy reads (see
`seqpipe.adapters`) are an index over this package and are never written to by plugins.
"""

from seqpipe.plugins._folder import host_of_folder as host_of_folder
from seqpipe.plugins._folder import installed_elsewhere as installed_elsewhere
from seqpipe.plugins._host import Host as Host
from seqpipe.plugins._host import find_part as find_part
from seqpipe.plugins._host import host as host
from seqpipe.plugins._maker import describe_maker as describe_maker
from seqpipe.plugins._maker import part_of as part_of
from seqpipe.plugins._owner import Owner as Owner
from seqpipe.plugins._package import PACKAGE as PACKAGE
from seqpipe.plugins._part import Part as Part
from seqpipe.plugins._part import bind as bind
from seqpipe.plugins._part import note_maker as note_maker
from seqpipe.plugins._part import reference_to as reference_to
from seqpipe.plugins._plugin import Plugin as Plugin
from seqpipe.plugins._plugin import PluginState as PluginState
from seqpipe.plugins._records import environment_stamp as environment_stamp
from seqpipe.plugins._records import keeps_records as keeps_records
from seqpipe.plugins._records import read_record as read_record
from seqpipe.plugins._records import write_record as write_record
from seqpipe.plugins._reference import unwrap as unwrap
from seqpipe.plugins._search import find_by_name as find_by_name
from seqpipe.plugins._signature import CannotWriteError as CannotWriteError
from seqpipe.plugins._signature import Documentation as Documentation
from seqpipe.plugins._signature import annotation_from_json as annotation_from_json
from seqpipe.plugins._signature import annotation_to_json as annotation_to_json
from seqpipe.plugins._signature import document as document
from seqpipe.plugins._signature import parameters_from_json as parameters_from_json
from seqpipe.plugins._signature import parameters_to_json as parameters_to_json
from seqpipe.plugins._trouble import Trouble as Trouble
from seqpipe.plugins._trouble import describe_error as describe_error
from seqpipe.plugins._trouble import trouble_of as trouble_of

#: The former name of `describe_error`, which plugins may import until 0.3.
said = describe_error

__all__ = [
    "PACKAGE",
    "CannotWriteError",
    "Documentation",
    "Host",
    "Owner",
    "Part",
    "Plugin",
    "PluginState",
    "Trouble",
    "annotation_from_json",
    "annotation_to_json",
    "bind",
    "describe_error",
    "describe_maker",
    "document",
    "environment_stamp",
    "find_by_name",
    "find_part",
    "host",
    "host_of_folder",
    "installed_elsewhere",
    "keeps_records",
    "note_maker",
    "parameters_from_json",
    "parameters_to_json",
    "part_of",
    "read_record",
    "reference_to",
    "said",
    "trouble_of",
    "unwrap",
    "write_record",
]
