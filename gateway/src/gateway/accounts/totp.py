"""Codes of authenticator apps (RFC 6238): six digits, 30 s, SHA-1, as all apps have them."""

import pyotp
from pyotp.utils import strings_equal

ISSUER = "Bookstream"
_STEP_SECONDS = 30
_STEPS_AROUND = 3
"""Accepted before and after: a telephone's clock may be off by 90 s."""


def generate_secret() -> str:
    """160 random bits in base32."""
    return pyotp.random_base32()


def build_uri(secret: str, account: str) -> str:
    """The otpauth: address that apps open."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)


def find_step(secret: str, code: str, *, at: int, after: int) -> int | None:
    """The time step of a right code; None for a wrong one, and for one of step `after` or before, which was
    used already. `at`: seconds since 1970."""
    totp, now = pyotp.TOTP(secret), at // _STEP_SECONDS
    steps = range(now - _STEPS_AROUND, now + _STEPS_AROUND + 1)
    right = [step for step in steps if strings_equal(totp.generate_otp(step), code)]
    return next((step for step in right if step > after), None)
