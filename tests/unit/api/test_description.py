"""The OpenAPI description against the source, the table of problems and its own schemas."""

import ast
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from ledger import errors
from ledger.api import app as app_module
from ledger.api.description import codes_of
from ledger.api.problem_table import EVERYWHERE, PROBLEMS, ROUTER_CODES, SERVER_CODES
from ledger.api.problems import MEDIA_TYPE, problem_of
from ledger.core.intake.problems import FILE_PROBLEMS, FileError

API = Path(app_module.__file__).parent
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def content(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(content: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, members in content["paths"].items()
        for method, operation in members.items()
        if method in METHODS
    ]


def resolved(content: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """What a reference within the description leads to."""
    found = content
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def problems_in_source() -> list[tuple[str, int, str]]:
    """(place, status, code) of every problem that is made with its code in place."""
    found = []
    for path in sorted(API.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "ApiProblem":
                continue
            status, code = node.args[:2]
            if isinstance(status, ast.Constant) and isinstance(code, ast.Constant):
                found.append((f"{path.name}:{node.lineno}", status.value, code.value))
    return found


def test_every_problem_made_in_the_source_is_in_the_table_with_its_status() -> None:
    made = problems_in_source()
    assert len(made) > 25
    for place, status, code in made:
        assert code in PROBLEMS, place
        assert PROBLEMS[code].status == status, place


def test_every_code_of_the_table_is_made_somewhere() -> None:
    made = {code for _place, _status, code in problems_in_source()}
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.LedgerError)
    ]
    made |= {kind.code for kind in kinds}
    made |= {problem_of(errors.LedgerError("text")).code, *FILE_PROBLEMS, *ROUTER_CODES}
    assert set(PROBLEMS) <= made


def test_every_code_of_the_table_is_declared_by_an_operation_or_has_none(app: FastAPI) -> None:
    declared = set().union(
        *(codes_of(route.endpoint, route.path or "") for route in iter_route_contexts(app.routes))
    )
    assert declared <= set(PROBLEMS)
    assert set(PROBLEMS) - declared == {*SERVER_CODES, *ROUTER_CODES} - declared


def test_files_every_problem_of_a_file_is_declared_where_files_are_taken(
    content: dict[str, Any],
) -> None:
    answers = content["paths"]["/v1/batches"]["post"]["responses"]
    named = {code for one in answers.values() for code in _codes(one)}
    for code in FILE_PROBLEMS:
        problem = problem_of(FileError(code))
        assert code in named
        assert str(problem.status) in answers


def _codes(answer: dict[str, Any]) -> set[str]:
    return set(answer.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}))


def test_description_is_openapi_3_1_with_security_schemes(content: dict[str, Any]) -> None:
    assert content["openapi"].startswith("3.1")
    assert content["info"]["description"]
    schemes = dict(content["components"]["securitySchemes"])
    operator = schemes.pop("HTTPBearer")
    assert (operator["type"], operator["scheme"]) == ("http", "bearer")
    assert content["paths"]["/v1/batches"]["post"]["security"] == [{"HTTPBearer": []}]
    ((name, mirror),) = schemes.items()
    assert (mirror["type"], mirror["in"], mirror["name"]) == ("apiKey", "header", "Signature")
    entries = content["paths"]["/v1/streams/{region}/{stream}/{generation}/tile/entries/{place}"][
        "get"
    ]
    assert entries["security"] == [{name: []}]


def test_every_operation_has_a_summary_a_description_a_tag_and_an_id_of_its_own(
    content: dict[str, Any],
) -> None:
    found = operations(content)
    assert len(found) >= 13
    tags = {tag["name"] for tag in content["tags"]}
    for name, operation in found:
        assert operation["summary"], name
        assert operation["description"], name
        assert set(operation["tags"]) <= tags, name
    ids = [operation["operationId"] for _name, operation in found]
    assert len(set(ids)) == len(ids)


def test_every_failure_is_a_problem_with_an_example_of_each_code(content: dict[str, Any]) -> None:
    schema = content["components"]["schemas"]["ProblemOut"]
    checker = jsonschema_rs.validator_for({**schema, "components": content["components"]})
    for name, operation in operations(content):
        codes = set()
        for status, answer in operation["responses"].items():
            if int(status) < 400:
                continue
            ((media_type, described),) = answer["content"].items()
            assert media_type == MEDIA_TYPE
            assert described["schema"] == {"$ref": "#/components/schemas/ProblemOut"}
            for code, example in described["examples"].items():
                value = resolved(content, example)["value"]
                checker.validate(value)
                assert (value["code"], value["status"]) == (code, int(status)), name
                codes.add(code)
        assert codes >= set(EVERYWHERE), name
        assert "HTTPValidationError" not in str(operation)


def test_every_success_with_a_body_has_an_example_that_fits_its_schema(
    content: dict[str, Any],
) -> None:
    for name, operation in operations(content):
        for status, answer in operation["responses"].items():
            if not 200 <= int(status) < 300:
                continue
            for media_type, described in answer["content"].items():
                schema = {**described["schema"], "components": content["components"]}
                if media_type == "application/octet-stream":
                    assert described["schema"].get("format") == "binary", name
                    continue
                if "tags" in operation and operation["tags"] == ["streams"]:
                    continue
                assert described["examples"], name
                checker = jsonschema_rs.validator_for(schema)
                for example in described["examples"].values():
                    checker.validate(example["value"])


def test_every_answer_names_its_headers(content: dict[str, Any]) -> None:
    for name, operation in operations(content):
        for status, answer in operation["responses"].items():
            assert "X-Request-ID" in answer["headers"], name
            assert ("Retry-After" in answer["headers"]) == (status in ("429", "503")), name
            assert ("WWW-Authenticate" in answer["headers"]) == (status == "401"), name


def test_links_name_operations_and_parameters_that_exist(content: dict[str, Any]) -> None:
    by_id = {operation["operationId"]: operation for _name, operation in operations(content)}
    links = [
        link
        for _name, operation in operations(content)
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert links
    for link in links:
        named = {one["name"] for one in by_id[link["operationId"]]["parameters"]}
        assert set(link["parameters"]) <= named


async def test_description_is_served_as_it_is(
    anyone: httpx.AsyncClient, content: dict[str, Any]
) -> None:
    assert (await anyone.get("/openapi.json")).json() == content


def test_limits_stand_in_the_descriptions(content: dict[str, Any]) -> None:
    said = {name: operation["description"] for name, operation in operations(content)}
    assert "262144 bytes" in said["POST /v1/lookups"]
    assert "1000 questions" in said["POST /v1/lookups"]
    assert "33554432 bytes" in said["POST /v1/batches"]
    assert "100000 rows" in said["POST /v1/batches"]
