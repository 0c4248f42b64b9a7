"""The engine for GPUs: kernels in Triton's language, generated for each cell."""

from seqpipe.kernels.triton._engine import Triton as Triton
from seqpipe.kernels.triton._engine import supports as supports

__all__ = ["Triton", "supports"]
