"""One stream: accepted events become entries, entries become a log and a map in memory."""
