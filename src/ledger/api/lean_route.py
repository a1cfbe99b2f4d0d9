"""A JSON route for many small requests: what FastAPI does for dependencies is left out.

The ordinary route stays behind it. Whatever the lean way does not take, it hands on as it came, so
that every refusal is the ordinary one.
"""

from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from ledger.api.limits import JsonRoute, checked_json, replayed


class LeanJsonRoute(JsonRoute):
    """A route whose endpoint takes ``body``, a model, and ``request``, and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Check and read the body, then call the endpoint."""
        ordinary = super().get_route_handler()
        endpoint = self.endpoint
        hints = get_type_hints(endpoint)
        model = hints.get("body")
        is_plain = set(hints) - {"return"} == {"body", "request"} and not self.dependencies
        if not is_plain or not isinstance(model, type) or not issubclass(model, BaseModel):
            return ordinary

        async def lean(request: Request) -> Response:
            raw, value = await checked_json(request)
            try:
                body = model.model_validate(value)
            except ValidationError:
                return await ordinary(replayed(request, raw))
            response: Response = await endpoint(body=body, request=request)
            return response

        return lean
