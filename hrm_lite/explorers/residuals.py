"""An explorer of the two clocks: how far worker and controller go at every step, for any N and T.

The pictures are SVG, of `drawing`: one for each segment, and visible in a page that has no kernel.
"""

from __future__ import annotations

import math

import ipywidgets as w
from torch import Tensor

from ..dynamics import Residuals, residuals
from ..model import HRM
from ..plots.style import COLOURS
from .drawing import axes, svg

__all__ = ["ResidualExplorer", "residual_html"]

_NAMES = {"L": ("worker", "worker f_L"), "H": ("controller", "controller f_H")}


class ResidualExplorer(w.VBox):
    """Choose N and T; see the forward residual of every step, segment by segment.

    model: an `HRM`; its weights are used with other N and T, and it stays as it is. tokens: (batch, seq_len) puzzles;
    the median over them is drawn.
    The tabs, the play button and the slider for the segment need no kernel: they are linked in the browser. The sliders
    for N and T need one.
    """

    def __init__(self, model: HRM, tokens: Tensor, segments: int = 4, cycles: int = 4, steps: int = 4):
        if segments < 1:
            raise ValueError(f"segments={segments} is not usable: at least one segment must run.")
        self.given, self.tokens, self.segments = model, tokens, segments
        self.pictures = [w.HTML() for _ in range(segments)]
        self.tabs = w.Tab(children=self.pictures)
        for i in range(segments):
            self.tabs.set_title(i, f"segment {i + 1}")
        self.slider = w.IntSlider(min=0, max=segments - 1, description="segment", readout=False)
        self.play = w.Play(min=0, max=segments - 1, interval=1000)
        self.cycles = w.IntSlider(min=1, max=12, value=cycles, description="cycles N", continuous_update=False)
        self.steps = w.IntSlider(min=1, max=50, value=steps, description="steps T", continuous_update=False)
        w.jslink((self.play, "value"), (self.slider, "value"))
        w.jslink((self.slider, "value"), (self.tabs, "selected_index"))
        for knob in (self.cycles, self.steps):
            knob.observe(lambda _: self.show(), names="value")
        super().__init__([w.HBox([self.cycles, self.steps]), w.HBox([self.play, self.slider]), self.tabs])
        self.show()

    def show(self) -> None:
        """Run the model with the N and T of the sliders, and draw every segment."""
        model = HRM(self.given.config.replace(cycles=self.cycles.value, steps=self.steps.value))
        model.load_state_dict(self.given.state_dict())
        found = residuals(model.to(self.given.z_H_init.device), self.tokens, self.segments)
        parts = found.parts[: len(found.parts) // self.segments]
        medians = found.values.median(1).values
        span = medians.min().item(), medians.max().item()
        for i, (picture, values) in enumerate(zip(self.pictures, medians.split(len(parts)), strict=True)):
            picture.value = residual_html(Residuals(parts, values[:, None]), i * len(parts), span)


def residual_html(found: Residuals, before: int, span: tuple[float, float]) -> str:
    """The residuals of one segment, values (steps, 1), after ``before`` steps; ``span``: the least and the largest."""
    x0, y0, width, height = 56, 190, 560, 160
    low, high = (math.floor(math.log10(max(span[0], 1e-12))), math.ceil(math.log10(max(span[1], 1e-12))))
    high = max(high, low + 1)
    ticks = [((power - low) / (high - low), f"10{_superscript(power)}") for power in range(low, high + 1)]
    lines = [axes(x0, y0, width, height, "step", "forward residual ‖z′ − z‖ / ‖z‖", ticks)]
    count = len(found.parts)
    for k, (part, (name, label)) in enumerate(_NAMES.items()):
        places, values = found.of(part)
        where = [
            (x0 + width * (place - 0.5) / count,
             y0 - height * (math.log10(max(value, 1e-12)) - low) / (high - low))
            for place, value in zip(places, values[:, 0].tolist(), strict=True)
        ]  # fmt: skip
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in where)
        lines.append(f'<polyline fill="none" stroke="{COLOURS[name]}" stroke-opacity="0.5" points="{points}"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>' for x, y in where]
        lines.append(f'<circle cx="{x0 + 380 + 95 * k}" cy="14" r="4" fill="{COLOURS[name]}"/>')
        lines.append(f'<text x="{x0 + 388 + 95 * k}" y="18">{label}</text>')
    for i in range(0, count, max(1, count // 10)):
        x = x0 + width * (i + 0.5) / count
        lines.append(f'<text x="{x:.1f}" y="{y0 + 14}" text-anchor="middle">{before + i + 1}</text>')
    return svg("".join(lines))


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
