"""Classes with an order, such as grades."""

from seqpipe.tasks.ordered_classes._task import OrderedClasses as OrderedClasses

__all__ = ["OrderedClasses"]
