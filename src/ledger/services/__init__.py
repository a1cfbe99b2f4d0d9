"""What a node does, over ports; knows no framework, database or chain library."""
