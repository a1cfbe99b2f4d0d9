"""Governing the contracts: creating them, admitting regions, deciding together as the Council.

What is sent here is rare and is waited for. What a decision rests on is read through several
validators where the chain has several.
"""
