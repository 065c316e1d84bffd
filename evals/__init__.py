"""Benchmarks: sets of cases, how answers are graded, and what is counted."""
