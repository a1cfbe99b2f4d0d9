"""Changes of generation: the region carries its items over and states so; others compare."""
