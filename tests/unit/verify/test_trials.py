"""Every named attack, and every kind of valid evidence, gets exactly its verdict."""

import pytest
from worlds import trials_chain, trials_format, trials_items, trials_map, trials_seals, trials_valid
from worlds.trials import TRIALS, Trial

MODULES = (trials_valid, trials_format, trials_chain, trials_seals, trials_map, trials_items)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_verify_evidence_of_a_trial_gives_its_verdict(trial: Trial) -> None:
    trial.check(trial.build().verdict())


def test_trials_are_many() -> None:
    assert all(MODULES)
    assert len(TRIALS) > 200
