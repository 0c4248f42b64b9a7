"""Finds, verifies and loads plugins, and knows who owns which part.

Only the plugins that are asked for are imported. The registries that spaCy reads (see
`seqpipe.adapters`) are an index over this package and are never written to by plugins.
"""

from seqpipe.plugins._host import Host as Host
from seqpipe.plugins._host import Plugin as Plugin
from seqpipe.plugins._host import PluginState as PluginState
from seqpipe.plugins._host import find_part as find_part
from seqpipe.plugins._host import host as host
from seqpipe.plugins._owner import Owner as Owner
from seqpipe.plugins._package import PACKAGE as PACKAGE
from seqpipe.plugins._part import Part as Part
from seqpipe.plugins._part import bind as bind
from seqpipe.plugins._part import bind_absent as bind_absent
from seqpipe.plugins._trouble import Trouble as Trouble

__all__ = [
    "PACKAGE",
    "Host",
    "Owner",
    "Part",
    "Plugin",
    "PluginState",
    "Trouble",
    "bind",
    "bind_absent",
    "find_part",
    "host",
]
