"""Holds the three steps; a step knows no row and no other step, and returns an outcome."""
