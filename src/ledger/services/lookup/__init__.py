"""Answering questions: the own region's records with evidence, the other regions' verified."""
