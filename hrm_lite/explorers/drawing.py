"""What the explorers draw with: SVG by hand. Small, the same on every machine, and visible where there is no kernel."""

from __future__ import annotations

from ..plots.style import COLOURS

__all__ = ["axes", "svg"]

_INK, _FAINT, _FONT = COLOURS["ink"], COLOURS["shade"], 'font-family="sans-serif" font-size="11"'


def svg(content: str) -> str:
    """A picture of 680 x 230 that shrinks with the page."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 230" style="max-width:680px;width:100%;'
        f'" {_FONT} fill="{_INK}">{content}</svg>'
    )


def axes(x0: float, y0: float, width: float, height: float, across: str, up: str, ticks) -> str:
    """Two axes with their names, and a line for each of ``ticks``, (share of the height, label)."""
    parts = []
    for at, label in ticks:
        y = y0 - at * height
        parts.append(f'<line x1="{x0}" y1="{y:.1f}" x2="{x0 + width}" y2="{y:.1f}" stroke="{_FAINT}"/>')
        parts.append(f'<text x="{x0 - 5}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    parts.append(f'<line x1="{x0}" y1="{y0}" x2="{x0 + width}" y2="{y0}" stroke="{_INK}"/>')
    parts.append(f'<text x="{x0 + width / 2}" y="{y0 + 32}" text-anchor="middle">{across}</text>')
    parts.append(f'<text x="{x0 - 30}" y="{y0 - height - 12}">{up}</text>')
    return "".join(parts)
