"""How fast a saved pipeline predicts, how long texts wait for it, and what it takes of memory and disk; beside another one's."""

from seqpipe.benchmarking._benchmark import Benchmark as Benchmark
from seqpipe.benchmarking._benchmark import Measured as Measured
from seqpipe.benchmarking._benchmark import benchmark as benchmark
from seqpipe.benchmarking._statistics import Interval as Interval

__all__ = ["Benchmark", "Interval", "Measured", "benchmark"]
