"""Authentication and authorization of a request, the same for the fast path, ASGI and WebSockets."""

from typing import NamedTuple

from bookcore.kit.problem import ProblemError
from gateway.accounts.caller import Credentials
from gateway.auth.authenticator import Authenticator
from gateway.auth.caller_cache import AuthenticatedCaller, CallerCache
from gateway.http.request_head import RequestHead
from gateway.ratelimit.usage import UsageRecorder
from gateway.routing.match import MAX_TARGET_BYTES, RouteMatch
from gateway.routing.routes import is_permitted, is_supported_method


class Authorization(NamedTuple):
    """An authenticated caller, with the problem when that caller may not send this request."""

    auth: AuthenticatedCaller
    problem: ProblemError | None


class RequestAuth:
    """Failed authentication counts against the network address; an exhausted plan is refused."""

    def __init__(self, authenticator: Authenticator, callers: CallerCache, usage: UsageRecorder) -> None:
        self._authenticator, self._callers, self._usage = authenticator, callers, usage

    async def authorize(
        self, method: str, match: RouteMatch | None, head: RequestHead, address: str
    ) -> Authorization:
        """Authenticates first, so that strangers don't learn which paths exist.

        Raises: ProblemError, unauthorized or too-many-requests.
        """
        auth = await self._authenticate(head, address)
        return Authorization(auth, check_access(method, match, auth))

    async def count(self, auth: AuthenticatedCaller) -> dict[str, str]:
        """Counts a request that is not answered through the cache; returns the rate headers.

        Raises: ProblemError(too-many-requests); Unavailable while the cache server is away.
        """
        return await self._authenticator.count_request(auth.caller.quota, auth.caller.user_id)

    async def _authenticate(self, head: RequestHead, address: str) -> AuthenticatedCaller:
        """Cached caller first, full check otherwise."""
        credentials = head.get_credentials()
        auth = self._callers.get(credentials)
        if auth is not None:
            return auth
        authorization, api_key = (None if c is None else c.decode("latin-1") for c in credentials)
        try:
            caller = await self._authenticator.identify_caller(Credentials(authorization, address, api_key))
        except ProblemError:
            await self._authenticator.count_address(self._authenticator.quotas.anonymous, address)
            raise
        self._usage.check_quotas(caller)
        return self._callers.put(credentials, caller)


def check_access(method: str, match: RouteMatch | None, auth: AuthenticatedCaller) -> ProblemError | None:
    """The reason why the caller may not send this request; None when it may."""
    if match is None:
        return ProblemError("not-found", "no service has this path; /docs lists all operations")
    if not is_supported_method(method):
        return ProblemError("method-not-allowed", f"the method {method[:20]} is not supported")
    if not is_permitted(auth.caller.scopes, match.route, method):
        return ProblemError("forbidden", f"{method} requires the scope {match.route.get_scope(method)}")
    if len(match.target) > MAX_TARGET_BYTES:
        return ProblemError("invalid", f"path and query are longer than {MAX_TARGET_BYTES} bytes")
    return None
