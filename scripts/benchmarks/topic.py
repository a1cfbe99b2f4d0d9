"""Running a topic in a process of its own: memory and caches of one do not reach another."""

import importlib
import resource
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from benchmarks.figure import Figure

TOPICS = ("publish", "map_update", "lookups", "verify", "storage", "memory", "chain")
"""Modules of this package, in the order in which they run."""

NAMED_ONLY = ("consortium",)
"""Run only where they are named: the first time, their validator program is built for minutes."""


@dataclass
class Outcome:
    """What a topic gave."""

    topic: str
    seconds: float = 0.0
    """On the wall."""
    cpu_seconds: float = 0.0
    """Of its process and the processes it started and waited for."""
    figures: list[Figure] = field(default_factory=list)
    error: str | None = None


def measure_apart(topic: str, *, quick: bool) -> Outcome:
    """Measure a topic in a process of its own; a failure does not end the others."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(_measure, topic, quick).result()


def _measure(topic: str, quick: bool) -> Outcome:
    def say(text: str) -> None:
        print(f"{topic}: {text}", file=sys.stderr, flush=True)

    started, outcome = time.monotonic(), Outcome(topic)
    try:
        outcome.figures = importlib.import_module(f"benchmarks.{topic}").run(quick=quick, say=say)
    except Exception as error:
        traceback.print_exc()
        outcome.error = f"{type(error).__name__}: {error}"
    outcome.seconds, outcome.cpu_seconds = time.monotonic() - started, _cpu_seconds()
    return outcome


def _cpu_seconds() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
