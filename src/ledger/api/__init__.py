"""The HTTP interface: pydantic at the edge, problems for errors, nothing that leaks."""
