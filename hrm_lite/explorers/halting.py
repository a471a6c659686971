"""An explorer of the halting rule: what a margin and an M_max give, on puzzles that were run to the end once."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as w

from ..halting import wants_to_halt
from ..plots.style import COLOURS
from ..solving import Verdicts
from .drawing import axes, svg

__all__ = ["HaltingExplorer", "halting_html"]

_WRONG = "#D55E00"


class HaltingExplorer(w.VBox):
    """Choose a margin τ and an M_max; see who stops when, who of them is right, and what it costs.

    seen: from `solving.verdicts`. margins: the values of τ, one tab each. compare: the paper's rule,
    q_halt − q_continue > τ, in place of q_halt > τ.
    The tabs, the play button and the slider for τ need no kernel: they are linked in the browser. The slider for M_max
    needs one.
    """

    def __init__(
        self,
        seen: Verdicts,
        margins: Sequence[float] = (-2, -1, 0, 1, 2, 3, 4),
        max_segments: int | None = None,
        compare: bool = False,
    ):
        if not margins:
            raise ValueError("margins is empty: give at least one value of τ, for example (0, 1, 2).")
        self.seen, self.margins, self.compare = seen, tuple(margins), compare
        segments = len(seen.right)
        self.pictures = [w.HTML() for _ in margins]
        self.tabs = w.Tab(children=self.pictures)
        for i, margin in enumerate(margins):
            self.tabs.set_title(i, f"{margin:g}".replace("-", "−"))  # a tab is too narrow for more
        last = len(margins) - 1
        self.slider = w.IntSlider(min=0, max=last, description="margin τ", readout=False)
        self.play = w.Play(min=0, max=last, interval=1000)
        self.most = w.IntSlider(
            min=1, max=segments, value=max_segments or segments, description="M_max", continuous_update=False
        )
        w.jslink((self.play, "value"), (self.slider, "value"))
        w.jslink((self.slider, "value"), (self.tabs, "selected_index"))
        self.most.observe(lambda change: self.show(change["new"]), names="value")
        super().__init__([w.HBox([self.play, self.slider, self.most]), self.tabs])
        self.show(self.most.value)

    def show(self, max_segments: int) -> None:
        """Draw every tab for this M_max."""
        curve = [self.seen.outcome(margin, max_segments, self.compare) for margin in self.margins]
        for i, (picture, margin) in enumerate(zip(self.pictures, self.margins, strict=True)):
            picture.value = halting_html(self.seen, margin, max_segments, self.compare, curve, i)


def halting_html(seen: Verdicts, margin: float, max_segments: int, compare: bool, curve, here: int) -> str:
    """One margin: a sentence, who stops when, and where it lies on ``curve``, the outcomes (exact, segments) of all."""
    stops = seen.stops(margin, max_segments, compare)
    right = seen.right.gather(0, stops[None] - 1)[0]
    exact, segments = curve[here]
    content = wants_to_halt(seen.q_halt, seen.q_continue if compare else None, margin)[:max_segments].any(0)
    cut, always = (1 - content.double().mean()).item(), seen.right[max_segments - 1].double().mean().item()
    says = (
        f'<p style="margin:4px 0"><b>{exact:.1%} right in {segments:.2f} segments</b> on average. The rule was never '
        f"content with {cut:.1%} of the puzzles. Always {max_segments} segments: {always:.1%} right.</p>"
    )
    shares = [
        [((stops == m) & (right == kind)).double().mean().item() for m in range(1, max_segments + 1)]
        for kind in (True, False)
    ]
    return says + svg(_bars(*shares) + _trade(curve, here))


def _bars(right: list[float], wrong: list[float]) -> str:
    """Left picture: the share of puzzles that stop after each segment; wrong answers on top of right ones."""
    x0, y0, width, height = 46, 190, 300, 160
    step = width / len(right)
    parts = [axes(x0, y0, width, height, "stopped after segment", "puzzles", [(0, "0"), (0.5, "50%"), (1, "100%")])]
    for m, (good, bad) in enumerate(zip(right, wrong, strict=True)):
        left, wide = x0 + m * step + 0.12 * step, 0.76 * step
        for share, below, colour in ((good, 0.0, COLOURS["good"]), (bad, good, _WRONG)):
            if share:
                # A share of one puzzle in a thousand must not vanish: wrong answers are what one looks for.
                tall = max(share * height, 2.0)
                parts.append(
                    f'<rect x="{left:.1f}" y="{y0 - below * height - tall:.1f}" width="{wide:.1f}" '
                    f'height="{tall:.1f}" fill="{colour}"/>'
                )
        if len(right) <= 16 or (m + 1) % 4 == 0:
            parts.append(f'<text x="{left + wide / 2:.1f}" y="{y0 + 14}" text-anchor="middle">{m + 1}</text>')
    for i, (name, colour) in enumerate((("right", COLOURS["good"]), ("wrong", _WRONG))):
        parts.append(f'<rect x="{x0 + 190 + 56 * i}" y="14" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x0 + 204 + 56 * i}" y="23">{name}</text>')
    return "".join(parts)


def _trade(curve: list[tuple[float, float]], here: int) -> str:
    """Right picture: accuracy against mean segments, a dot for each margin, the present one large."""
    x0, y0, width, height = 420, 190, 240, 160
    most = max(segments for _, segments in curve)
    low = min(min(exact for exact, _ in curve), 0.99)
    low = max(0.0, low - 0.1 * (1 - low))
    place = [(x0 + width * (s - 1) / max(most - 1, 1e-9), y0 - height * (e - low) / (1 - low)) for e, s in curve]
    parts = [axes(x0, y0, width, height, "mean segments", "right", [(0, f"{low:.1%}"), (1, "100%")])]
    for share in (0, 1):
        parts.append(
            f'<text x="{x0 + share * width}" y="{y0 + 14}" text-anchor="middle">{1 + share * (most - 1):.1f}</text>'
        )
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in place)
    parts.append(f'<polyline fill="none" stroke="{COLOURS["worker"]}" points="{points}"/>')
    for i, (a, b) in enumerate(place):
        size, colour = (6, COLOURS["controller"]) if i == here else (3, COLOURS["worker"])
        parts.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{size}" fill="{colour}"/>')
    return "".join(parts)
