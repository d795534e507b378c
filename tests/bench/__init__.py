"""Benchmarks: figures as ratios against a baseline of the same run. Never part of the tests; `make bench-…` runs them."""
