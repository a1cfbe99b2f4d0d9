"""The crash table of a node: killed at every named point; and single bits flipped under fsck."""
