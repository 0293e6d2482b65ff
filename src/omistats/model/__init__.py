"""What an inspection is: questions, strata, units and cases, over Arrow arrays."""
