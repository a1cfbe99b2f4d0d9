"""A second verifier, written from docs/formats.md alone. It shares no code with the project."""
