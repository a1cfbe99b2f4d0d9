"""The pages for operators and integrators against the source."""

import re
import sys
from pathlib import Path

from fastapi import FastAPI

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "scripts"))

from documenting.problems import PAGE, made  # noqa: E402

from ledger.api.metrics import PREFIX  # noqa: E402
from ledger.settings import ENVIRONMENT_PREFIX, SECRET_URLS, NodeSettings  # noqa: E402

RUNNING = ROOT / "docs" / "operations" / "running.md"
ENVIRONMENT = ROOT / "docs" / "operations" / "env.example"


def test_api_page_tables_are_those_of_the_source(app: FastAPI) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert made(page, app.openapi()) == page, "run scripts/make-api-tables"


def test_running_page_names_every_setting() -> None:
    page = RUNNING.read_text(encoding="utf-8")
    assert {name for name in NodeSettings.model_fields if f"`{name}`" not in page} == set()


def test_environment_example_names_every_variable_with_its_default() -> None:
    found = dict(
        line.lstrip("#").split("=", 1)
        for line in ENVIRONMENT.read_text(encoding="utf-8").splitlines()
        if re.match(r"#?[A-Z]", line)
    )
    variables = {ENVIRONMENT_PREFIX + name.upper() for name in NodeSettings.model_fields}
    variables |= {f"{ENVIRONMENT_PREFIX}{name.upper()}_FILE" for name in SECRET_URLS}
    assert set(found) == variables
    for name, field in NodeSettings.model_fields.items():
        if not field.is_required() and field.default is not None:
            assert found[ENVIRONMENT_PREFIX + name.upper()] == str(field.default), name


def test_running_page_names_metrics_that_exist(app: FastAPI) -> None:
    page = RUNNING.read_text(encoding="utf-8").partition("## Metrics")[2].partition("\n## ")[0]
    named = {
        name.partition("{")[0]
        for row in page.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([a-z_]+(?:\{[a-z,]+\})?)`", row.split("|")[1])
    }
    context = app.state.context
    context.watch.look()
    text = context.metrics.text().decode()
    assert len(named) > 20
    for name in named:
        assert f"# TYPE {PREFIX}_{name} " in text or f"# TYPE {PREFIX}_{name}" in text, name
