"""Who may call a route. A route without a policy does not start."""

import hashlib
import hmac
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, FastAPI, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from ledger.api.problems import ApiProblem
from ledger.errors import FatalStateError

_POLICY: Final = "__access_policy__"
_bearer = HTTPBearer(auto_error=False, description="The operator's token")
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


class Access(Enum):
    """Who may call."""

    ANYONE = "anyone"
    OPERATOR = "operator"


def access(policy: Access) -> Callable[[_Endpoint], _Endpoint]:
    """Say who may call an endpoint; written directly above its function."""

    def mark(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _POLICY, policy)
        return endpoint

    return mark


def require_operator(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> None:
    """Refuse a caller without the operator's token; compared in constant time.

    Raises:
        ApiProblem: 401, the same for a missing and a wrong token.
    """
    token = "" if credentials is None else credentials.credentials
    given = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
    if not hmac.compare_digest(given, request.app.state.context.operator_token_digest):
        raise ApiProblem(
            401, "unauthorized", "expected the operator's token", {"WWW-Authenticate": "Bearer"}
        )


OPERATOR_ONLY: Final = [Depends(require_operator)]
"""Dependencies of an operator's route."""


def check_policies(app: FastAPI) -> None:
    """Refuse to start with a route that has no policy, or one that does not enforce it.

    Raises:
        FatalStateError: Names the route.
    """
    for route in _api_routes(app.routes):
        policy = getattr(route.endpoint, _POLICY, None)
        guards = [one.call for one in route.dependant.dependencies]
        if policy is None:
            raise FatalStateError(f"route {route.path}: expected an access policy, found none")
        if (policy is Access.OPERATOR) != (require_operator in guards):
            raise FatalStateError(f"route {route.path}: its guard is not that of its policy")


def _api_routes(routes: list[Any]) -> list[APIRoute]:
    return [route for route in routes if isinstance(route, APIRoute)]
