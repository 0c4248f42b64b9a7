"""The former name of `seqpipe.formats`, which plugins may import until 0.3."""

from seqpipe.formats import *  # noqa: F403
from seqpipe.formats import __all__ as __all__
