"""Parts of the documentation that are made from the source."""
