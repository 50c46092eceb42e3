"""How good a network is on rows it has not seen, and what it leans on (steps 8 and 9); no torch."""
