"""Who may call a route. A route without a policy does not start."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, FastAPI, Request, Security
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from ledger.api.problems import ApiProblem
from ledger.api.signatures import ACCEPT_SIGNATURE, MirrorGate
from ledger.errors import FatalStateError, SignatureError

_POLICY: Final = "__access_policy__"
_bearer = HTTPBearer(auto_error=False, description="The operator's token")
_mirror_signature = APIKeyHeader(
    name="Signature",
    scheme_name="MirrorSignature",
    auto_error=False,
    description="RFC 9421 signature by a mirror's chain key, as docs/formats.md, section 18, says",
)
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


class Access(Enum):
    """Who may call."""

    ANYONE = "anyone"
    OPERATOR = "operator"
    MIRROR = "mirror"


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


async def require_mirror(
    request: Request, _: Annotated[str | None, Security(_mirror_signature)]
) -> None:
    """Refuse a request that no mirror of another region signed.

    The second argument is for the description alone: headers are read as they came.

    Raises:
        ApiProblem: 401, the same for everything that may be wrong with a signature; 403 for the
            region's own mirror, which has no say on the region's streams.
        ChainUnavailableError: Whether the signer is a mirror is not known now.
    """
    gate: MirrorGate = request.app.state.context.mirror_gate
    target = request.scope["raw_path"].decode("latin-1")
    if query := request.scope["query_string"].decode("latin-1"):
        target += "?" + query
    try:
        # What costs nothing first: the chain is asked only about requests of the right form.
        signed = gate.read(request.method, target, request.headers.items())
        mirror = await asyncio.to_thread(gate.confirm, signed)
    except SignatureError:
        headers = {"WWW-Authenticate": "Signature", "Accept-Signature": ACCEPT_SIGNATURE}
        detail = "expected a request signed by a mirror"
        raise ApiProblem(401, "mirror-required", detail, headers) from None
    if mirror.region == request.app.state.context.region:
        raise ApiProblem(403, "not-for-caller", "expected a mirror of another region")


OPERATOR_ONLY: Final = [Depends(require_operator)]
"""Dependencies of an operator's route."""

MIRRORS_ONLY: Final = [Depends(require_mirror)]
"""Dependencies of a route for mirrors."""

_GUARDS: Final[Mapping[Access, Callable[..., Any]]] = {
    Access.OPERATOR: require_operator,
    Access.MIRROR: require_mirror,
}


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
    # Its own guard, and nobody else's.
    if any((policy is owner) != (guard in guards) for owner, guard in _GUARDS.items()):
        raise FatalStateError(f"route {route.path}: its guard is not that of its policy")
