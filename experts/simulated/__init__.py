"""Small solvers that read problems as a model would, and what makes them go wrong."""
