"""Creates a new plugin package: a working part, its tests, and a pipeline file that trains with it.

Deals with names, templates and folders, and knows nothing of how plugins are found or parts are run.
"""

from seqpipe.scaffold._new import Created as Created
from seqpipe.scaffold._new import new_plugin as new_plugin

__all__ = ["Created", "new_plugin"]
