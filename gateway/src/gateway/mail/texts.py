"""The words of each mail. Links carry their secret behind `#`, which browsers send to no server."""

from gateway.mail.outbox import Mail

_FOOT = "\n\nIf it was not you, you need to do nothing.\n"


def write_reset(user_id: str, to: str, link: str, *, minutes: int) -> Mail:
    """The link to a new password."""
    text = (
        f"Somebody, hopefully you, asked for a new Bookstream password. Choose it here within {minutes} "
        f"minutes; the link works once:\n\n{link}{_FOOT}"
    )
    return Mail("reset", user_id, to, "Choose a new Bookstream password", text)


def write_confirmation(user_id: str, to: str, link: str, *, hours: int) -> Mail:
    """The link that confirms the address."""
    text = f"Confirm your address within {hours} hours to use your Bookstream account:\n\n{link}{_FOOT}"
    return Mail("confirm", user_id, to, "Confirm your e-mail address", text)


def write_registered_already(user_id: str, to: str, link: str) -> Mail:
    """To the owner of an address that somebody registered again."""
    text = (
        "Somebody, hopefully you, tried to register this address at Bookstream, where it has an account. "
        f"Log in, or choose a new password:\n\n{link}{_FOOT}"
    )
    return Mail("registered", user_id, to, "You have a Bookstream account", text)


def write_change(user_id: str, to: str, change: str, link: str) -> Mail:
    """Tells the owner what was changed."""
    text = f"{change}\n\nIf it was not you, choose a new password at once:\n\n{link}\n"
    return Mail("change", user_id, to, "Your Bookstream account was changed", text)
