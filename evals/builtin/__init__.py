"""Sets that are made up on the spot: one module a set, each a stream of problems drawn by a seed."""
