"""Renders the model card as a self-contained HTML page with inline SVG plots."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #ddd}"
    "svg{width:100%;height:auto}.no{color:#a40000}.yes{color:#006400}"
)
_WIDTH, _ROW, _LABEL = 700, 22, 240


def render_page(card: Mapping[str, Any]) -> bytes:  # Any: JSON of ours
    """The same card gives the same bytes."""
    data = card["data"]
    verdict = "may be used" if card["passed"] else f"refused ({card['verdict']})"
    parts = [
        f"<h1>{escape(data['source'])}, {escape(data['currency'])}: "
        f"<span class={'yes' if card['passed'] else 'no'}>{escape(verdict)}</span></h1>",
        f"<p>{escape(card['reason'])}.</p>",
        f"<p>{escape(card['purpose'])} Not for: {escape(card['not_for'])}</p>",
        _render_table("Data", data),
        _render_table("Method", card["method"]),
        _render_table("Figures, out of fold", card["metrics"]),
        _render_bars("Error (RMSLE) by predicted price", _list_errors(card)),
        _render_bars("Share of true prices inside the interval, by category", _list_shares(card), most=1.0),
        _render_bars("What the model looks at (share of gain)", card["importance"]),
    ]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Model card</title>'
    return (head + f"<style>{_STYLE}</style>" + "".join(parts) + "</html>\n").encode()


def _list_errors(card: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [
        (f"{row['predicted']:,.2f} (true {row['true']:,.2f})", row["rmsle"])
        for row in card["error_by_decile"]
    ]


def _list_shares(card: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(name or "(all)", share) for name, share in card["coverage_by_category"].items()]


def _render_table(title: str, rows: Mapping[str, object]) -> str:
    cells = "".join(f"<tr><th>{escape(name)}<td>{escape(str(value))}" for name, value in rows.items())
    return f"<h2>{escape(title)}</h2><table>{cells}</table>"


def _render_bars(title: str, rows: Sequence[tuple[str, float]], *, most: float | None = None) -> str:
    longest = most or max((value for _, value in rows), default=1.0) or 1.0
    room = _WIDTH - _LABEL - 60
    drawn = []
    for place, (name, value) in enumerate(rows):
        y, width = place * _ROW, max(0.0, value / longest) * room
        drawn.append(
            f'<text x="{_LABEL - 8}" y="{y + 15}" text-anchor="end" font-size="12">{escape(name[:36])}</text>'
            f'<rect x="{_LABEL}" y="{y + 3}" width="{width:.1f}" height="16" fill="#4878a8"/>'
            f'<text x="{_LABEL + width + 6:.1f}" y="{y + 15}" font-size="12">{value:.3f}</text>'
        )
    size = f'viewBox="0 0 {_WIDTH} {max(1, len(rows)) * _ROW}"'
    return (
        f'<h2>{escape(title)}</h2><svg {size} role="img" aria-label="{escape(title)}">{"".join(drawn)}</svg>'
    )
