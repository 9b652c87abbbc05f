"""Sign-in with an organisation's provider: authorization code with PKCE, state and nonce.

What a sign-in must remember between leaving and coming back is encrypted in a cookie of the browser that
began it, so that any gateway can finish it, no other browser can, and there is nothing to expire here.
"""

import asyncio
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

from bookcore.domain.errors import BookstreamError, Forbidden
from gateway.accounts.credentials import SIGN_IN_SECONDS
from gateway.accounts.encryption import SecretCipher
from gateway.accounts.one_time_tokens import TokenPurpose
from gateway.accounts.stores import AccountStores
from gateway.auth.authenticator import Authenticator
from gateway.auth.oidc_provider import OidcIdentity, OidcProvider, SignInRequest

SIGN_IN_LIFE = 600
"""Seconds that somebody has to log in at the provider."""
_OTHER_BROWSER = "this sign-in was begun in another browser, or too long ago; begin again"


class OidcSignIn:
    """Accounts are linked by a verified address of the client's domains alone."""

    def __init__(
        self,
        provider: OidcProvider,
        stores: AccountStores,
        *,
        authenticator: Authenticator,
        secret: str,
        now: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._stores = stores
        self._authenticator = authenticator
        self._domains = provider.client.domains
        self._cipher = SecretCipher(secret)
        self._now = now

    async def begin(self) -> tuple[str, str]:
        """The address at the provider, and the cookie. Raises: Unavailable."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = SignInRequest(state, nonce, verifier)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        url = await self._provider.build_authorization_url(asked, challenge=challenge)
        return url, self._seal({"state": state, "nonce": nonce, "verifier": verifier})

    async def finish(self, code: str, state: str, cookie: str) -> tuple[str, str]:
        """The secret for `LoginFlow.sign_in`, and the cookie that must come with it.

        Raises: Forbidden when anything doesn't match, Unavailable while the provider is down.
        """
        kept = self._open(cookie)
        if not state or not hmac.compare_digest(kept.get("state", "").encode(), state.encode()):
            raise Forbidden(_OTHER_BROWSER)
        asked = SignInRequest(state, kept["nonce"], kept["verifier"])
        user_id = await self._find_user(await self._provider.fetch_identity(code, asked))
        token = await asyncio.to_thread(
            self._stores.credentials.create_link,
            user_id,
            TokenPurpose.SIGN_IN,
            life_seconds=SIGN_IN_SECONDS,
            by=user_id,
        )
        return token, self._seal({"token": token})

    def check_browser(self, token: str, cookie: str) -> None:
        """Raises: Forbidden for a secret that another browser was given."""
        if not hmac.compare_digest(self._open(cookie).get("token", "").encode(), token.encode()):
            raise Forbidden(_OTHER_BROWSER)

    async def _find_user(self, identity: OidcIdentity) -> str:
        identities = self._stores.identities
        user_id = await asyncio.to_thread(identities.find_user, identity.issuer, identity.subject)
        if user_id is not None:
            return user_id
        email = identity.email.strip().lower()
        if email.rpartition("@")[2] not in self._domains:
            raise Forbidden("the provider has verified no e-mail address of " + " or ".join(self._domains))
        user_id = await asyncio.to_thread(identities.link, identity.issuer, identity.subject, email)
        await self._authenticator.invalidate_user(user_id)
        return user_id

    def _seal(self, kept: dict[str, str]) -> str:
        return self._cipher.encrypt(json.dumps({**kept, "until": str(self._now() + SIGN_IN_LIFE)}))

    def _open(self, cookie: str) -> dict[str, str]:
        try:
            kept: dict[str, str] = json.loads(self._cipher.decrypt(cookie))
        except BookstreamError as error:
            raise Forbidden(_OTHER_BROWSER) from error
        if float(kept["until"]) < self._now():
            raise Forbidden(_OTHER_BROWSER)
        return kept
