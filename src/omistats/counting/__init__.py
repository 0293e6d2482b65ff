"""Tallies of sufficient and applicable answers."""
