"""How often a provider is asked how a batch stands, and for how long."""

FIRST_LOOK, LONGEST_LOOK, LOOKS_GROW = 1.0, 60.0, 1.5
"""Seconds until the first look at a batch, at most between two looks, and how the pauses grow."""
SLACK = 3600.0
"""Seconds past its window that a batch may take to be ended by its provider; then it is called off."""
SURE = 3
"""Times in a row that a provider must have said the same before it is believed."""
