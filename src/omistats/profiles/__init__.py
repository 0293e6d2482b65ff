"""Characteristics of samples, and how far a sample represents its caseload."""
