"""An animation as HTML that plays in a page without a kernel and without a network."""

from __future__ import annotations

import hashlib
import html as markup
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.animation import HTMLWriter
from matplotlib.figure import Figure

__all__ = ["player"]


def player(
    figure: Figure, draw: Callable[[int], None], frames: int, fps: float, opens: int | None = None, alt: str = ""
) -> str:
    """``draw(0)`` … ``draw(frames - 1)`` as a player that loops; closes the figure.

    opens: the frame that is shown until somebody plays; without it the one in the middle, since the first is usually
    the dullest. alt: what is seen, for those who do not see it.
    The text is the same for the same pictures: matplotlib's random identifiers are replaced by a hash.
    """
    # Not FuncAnimation: it draws each frame three times.
    writer = HTMLWriter(fps=fps, embed_frames=True, default_mode="loop")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "player.html"
        with writer.saving(figure, path, dpi=figure.dpi):
            for i in range(frames):
                draw(i)
                writer.grab_frame()
        html = path.read_text(encoding="utf-8")
    plt.close(figure)
    first = frames // 2 if opens is None else opens
    html = html.replace('<img id="', f'<img alt="{markup.escape(alt)}" id="', 1)
    return _stand_alone(html.replace("this.current_frame = 0;", f"this.current_frame = {first};", 1))


# The player's buttons are glyphs of an icon font that matplotlib fetches from a network; plain characters do.
_ICONS = {
    "fa-minus": "−",
    "fa-fast-backward": "|◀",
    "fa-step-backward": "◁",
    "fa-play fa-flip-horizontal": "◀",
    "fa-pause": "❚❚",
    "fa-play": "▶",
    "fa-step-forward": "▷",
    "fa-fast-forward": "▶|",
    "fa-plus": "+",
}


def _stand_alone(html: str) -> str:
    html = re.sub(r'<link rel="stylesheet"[^>]*>', "", html)
    for name, character in _ICONS.items():
        html = html.replace(f'<i class="fa {name}"></i>', character)
    for random in dict.fromkeys(re.findall(r'id="_anim_img([0-9a-f]{32})"', html)):
        html = html.replace(random, hashlib.sha256(html.replace(random, "").encode()).hexdigest()[:32])
    return html
