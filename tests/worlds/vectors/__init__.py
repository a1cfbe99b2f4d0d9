"""Test vectors: what is written to tests/vectors, one room for each family of formats."""
