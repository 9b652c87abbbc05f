"""Who a request is from: remembered, or identified the slow way."""

from bookcore.kit.problem import ProblemError
from gateway.accounts.caller import Credentials
from gateway.auth.authenticator import Access
from gateway.auth.caller_cache import Known, TokenCache
from gateway.http.request_head import RequestHead
from gateway.ratelimit.usage import UsageRecorder


class RequestAuthenticator:
    """Guesses at credentials count against the network address; who has used a plan up isn't let in."""

    def __init__(self, access: Access, tokens: TokenCache, usage: UsageRecorder) -> None:
        self._access, self._tokens, self._usage = access, tokens, usage

    async def authenticate(self, head: RequestHead, address: str) -> Known:
        """Raises: ProblemError, unauthorized or too-many-requests."""
        shown = head.get_credentials()
        known = self._tokens.get(shown)
        if known is not None:
            return known
        authorization, api_key = (None if each is None else each.decode("latin-1") for each in shown)
        try:
            caller = await self._access.identify(Credentials(authorization, address, api_key))
        except ProblemError:
            await self._access.count(self._access.quotas.anonymous, address)
            raise
        self._usage.check_quotas(caller)
        return self._tokens.put(shown, caller)

    async def count(self, known: Known) -> dict[str, str]:
        """Count a request that changes something, or comes to nothing; the rate headers.

        Raises: ProblemError(too-many-requests), and Unavailable when nobody can count.
        """
        return await self._access.count(known.caller.quota, known.caller.user_id)
