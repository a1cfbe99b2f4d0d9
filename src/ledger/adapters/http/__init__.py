"""HTTP to the other regions' nodes."""
