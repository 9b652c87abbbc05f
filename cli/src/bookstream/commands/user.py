"""`bookstream user list|reset|disable|enable|role|delete`: accounts of a data folder or accounts database."""

from typing import Annotated

import typer

from bookstream.commands.options import AsJson, Data
from bookstream.data_program import run_on_data

HELP = """Accounts of the gateway.

Works beside a running gateway, which learns of a change within ten seconds, or without one. With
BOOKSTREAM_ACCOUNTS_URL on that database, else on the data folder.
"""
Email = Annotated[str, typer.Argument(help="An address of `bookstream user list`.")]
_PROGRAM = "gateway.account_admin"


def list_users(*, as_json: AsJson = False, data: Data = None) -> None:
    """Print one line for each account: address, role, plan, state, second factor, day of creation."""
    run_on_data(data, [_PROGRAM, "list", *(["--json"] if as_json else [])])


def reset(
    email: Email,
    *,
    url: Annotated[str, typer.Option(help="Address of the gateway; default: http://127.0.0.1:8080.")] = "",
    second_factor: Annotated[
        bool, typer.Option("--second-factor", help="Remove the second factor too; for who lost it.")
    ] = False,
    data: Data = None,
) -> None:
    """Print a link to a new password; it works once, within an hour. The old password stays until then."""
    options = [*(["--url", url] if url else []), *(["--second-factor"] if second_factor else [])]
    run_on_data(data, [_PROGRAM, "reset", *options, "--", email])


def suspend(email: Email, *, data: Data = None) -> None:
    """Refuse an account and end all its sessions."""
    run_on_data(data, [_PROGRAM, "disable", "--", email])


def enable(email: Email, *, data: Data = None) -> None:
    """Accept a disabled account again."""
    run_on_data(data, [_PROGRAM, "enable", "--", email])


def set_role(
    email: Email,
    role: Annotated[str, typer.Argument(help="reader, editor or admin.")],
    *,
    data: Data = None,
) -> None:
    """Give an account another role."""
    if role not in ("reader", "editor", "admin"):
        raise typer.BadParameter(f"{role!r} is no role; use reader, editor or admin")
    run_on_data(data, [_PROGRAM, "role", "--", email, role])


def delete(
    email: Email,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    data: Data = None,
) -> None:
    """Erase an account with its sessions, keys and usage; the audit log stays whole."""
    if not yes:
        typer.confirm(f"erase the account {email}?", abort=True)
    run_on_data(data, [_PROGRAM, "delete", "--", email])


def create_group() -> typer.Typer:
    """The group of these verbs."""
    group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(list_users)
    group.command("role")(set_role)
    group.command("disable")(suspend)
    for verb in (reset, enable, delete):
        group.command()(verb)
    return group
