"""The training of vectors of what co-occurs, on devices of torch's."""

from seqpipe.kernels.cooccurrence._rounds import RoundsInTorch as RoundsInTorch

__all__ = ["RoundsInTorch"]
