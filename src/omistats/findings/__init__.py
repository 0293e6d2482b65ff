"""The long table of findings."""
