"""Figures for the lecturer: each a file beside the page of the class, and in the page itself."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path


def keep(fig, path: Path, alt: str) -> str:
    """Save a figure as ``path``, close it, and give the element that shows it in a page without that file."""
    import matplotlib.pyplot as plt

    fig.savefig(path, format="png", dpi=150)
    plt.close(fig)
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'


def in_the_margin(name: str) -> str:
    """A name, short enough to stand beside an axis. matplotlib takes dollars for formulas."""
    return (name if len(name) <= 22 else f"{name[:21]}…").replace("$", r"\$")
