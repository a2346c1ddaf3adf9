"""What the benchmarks share: the result, the database, the workers, the arithmetic."""
