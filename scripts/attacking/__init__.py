"""A campaign against the verifier."""
