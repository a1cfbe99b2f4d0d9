"""Puts this folder on the path, so that tests share the worlds in ``worlds``."""

from hypothesis import HealthCheck, settings

# What an example takes on a busy machine says nothing about the code: no test is timed.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")
