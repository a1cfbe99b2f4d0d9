"""The work that goes on by itself: one thread, its steps, and what it says of itself."""
