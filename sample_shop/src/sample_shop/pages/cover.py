"""Book covers as small SVG pictures, drawn from the book's number and title."""

import textwrap
from html import escape

from sample_shop.chance import Dice, derive_bits
from sample_shop.shop import Edition

FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="6" fill="#1f4e5f"/>'
    '<path d="M7 9c4-2 7-1 9 1 2-2 5-3 9-1v14c-4-2-7-1-9 1-2-2-5-3-9-1z" fill="#f6f1e7"/></svg>'
)


def render_cover(edition: Edition) -> str:
    """200 x 300, under 2 kB."""
    dice = Dice(derive_bits(3, "cover", edition.number))
    hue = dice.draw_below(360)
    circles = "".join(
        f'<circle cx="{dice.draw_below(200)}" cy="{150 + dice.draw_below(150)}"'
        f' r="{20 + dice.draw_below(70)}" '
        f'fill="hsl({(hue + 40 * place) % 360} 55% 62%)" opacity=".45"/>'
        for place in range(4)
    )
    lines = "".join(
        f'<text x="18" y="{48 + 26 * row}">{escape(line)}</text>'
        for row, line in enumerate(textwrap.wrap(edition.title, 15)[:7])
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 300" width="200" height="300">'
        f'<rect width="200" height="300" fill="hsl({hue} 40% 30%)"/>{circles}'
        f'<rect x="9" y="9" width="182" height="282" fill="none" stroke="#fff" stroke-opacity=".35"/>'
        f'<g font-family="Georgia, serif" font-size="21" fill="#fff">{lines}</g></svg>'
    )
