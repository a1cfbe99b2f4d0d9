"""The demonstration: a whole network on one machine, and two things to do with it."""
