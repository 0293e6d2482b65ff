"""Counting: tallies of sufficient and applicable answers by unit and group."""
