"""From bars to the rows that train, validate and test (steps 1 to 6); no torch."""
