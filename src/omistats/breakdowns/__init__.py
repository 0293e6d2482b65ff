"""Breakdowns: how cases are split into groups."""
