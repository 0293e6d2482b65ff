"""Bootstrap intervals and permutation tests of case data."""
