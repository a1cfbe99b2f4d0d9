"""The rows of the chain's table, one module a kind of fault."""
