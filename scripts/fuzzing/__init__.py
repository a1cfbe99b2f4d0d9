"""Generated requests against every operation, each answer held against its description."""
