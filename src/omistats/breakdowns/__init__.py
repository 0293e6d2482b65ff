"""Breakdowns: rules that split cases into groups."""
