"""Scores of criteria, sections and headline elements."""
