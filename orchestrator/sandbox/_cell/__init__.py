"""What runs inside the sandbox's own processes, on the standard library alone; imported there as `_cell`."""
