"""One outside technology per folder or file, each behind one port of ``services``."""
