"""`bookstream audit`: nothing lost, nothing counted twice."""

import typer

from bookstream.admin import record_audit
from bookstream.audit import audit_stores
from bookstream.commands.options import Data
from bookstream.settings import load_settings
from bookstream.stores import open_stores


def audit(*, data: Data = None) -> None:
    """Check that no event is lost or counted twice.

    Looks up every acknowledged event in lake, catalogue and index. Exit code 1 when an event is lost or had
    an effect twice; `bookstream replay` then rebuilds catalogue and index from the lake.
    """
    with open_stores(load_settings(data)) as stores:
        report = audit_stores(stores)
    record_audit(acked=report.acked, lost=report.lost, doubled=report.dup_effects)
    print(report)
    if not report.is_sound:
        raise typer.Exit(1)
