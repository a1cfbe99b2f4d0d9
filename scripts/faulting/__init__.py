"""Killing real nodes at every named point and checking that nothing is lost or done twice."""
