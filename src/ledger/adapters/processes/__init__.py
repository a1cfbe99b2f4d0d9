"""Working on great files in processes beside the node's own."""
