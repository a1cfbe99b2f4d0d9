"""C2SP signed notes, and checkpoints of a log in that form. Never an input to ``verify``."""
