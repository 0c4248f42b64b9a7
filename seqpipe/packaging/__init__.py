"""A saved pipeline as a package for pip: a wheel that requires what the pipeline needs, with a card that says what it is."""

from seqpipe.packaging._card import write_card as write_card
from seqpipe.packaging._wheel import Details as Details
from seqpipe.packaging._wheel import find_report as find_report
from seqpipe.packaging._wheel import write_wheel as write_wheel

__all__ = ["Details", "find_report", "write_card", "write_wheel"]
