"""Benchmarks in little time."""

from prunetext.benchmarking.measure import Amounts

FEW = Amounts(pass_bytes=1, calls=5, memory_starts=1, floor_bytes=1)
