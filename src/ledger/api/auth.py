"""Who may call a route. A route without a policy does not start."""

import hashlib
import hmac
from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, FastAPI, Request, Security
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
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
    expected: bytes = request.app.state.context.operator_token_digest
    # An empty token is never right, whatever was configured.
    if not token or not hmac.compare_digest(given, expected):
        headers = {"WWW-Authenticate": "Bearer"}
        raise ApiProblem(401, "unauthorized", "expected the operator's token", headers)


OPERATOR_ONLY: Final = [Depends(require_operator)]
"""Dependencies of an operator's route."""


def check_policies(app: FastAPI) -> None:
    """Refuse to start with a route that has no policy, or one that does not enforce it.

    Raises:
        FatalStateError: Names the route.
    """
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute):
            raise FatalStateError(f"route {route.path}: expected an API route")
        _check_policy(route)


def _check_policy(route: RouteContext) -> None:
    policy = getattr(route.endpoint, _POLICY, None)
    if policy is None:
        raise FatalStateError(f"route {route.path}: expected an access policy, found none")
    guards = [one.call for one in route.dependant.dependencies]
    if (policy is Access.OPERATOR) != (require_operator in guards):
        raise FatalStateError(f"route {route.path}: its guard is not that of its policy")
