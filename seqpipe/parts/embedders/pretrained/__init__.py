"""Word vectors that others have trained, from files of many formats."""

from seqpipe.parts.embedders.pretrained._pretrained import Pretrained as Pretrained

__all__ = ["Pretrained"]
