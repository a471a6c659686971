"""An explorer: stop the gradient after k steps, and see how much of BPTT is left, part by part."""

from __future__ import annotations

import copy

import ipywidgets as w
from torch import Tensor

from ..gradients import Agreement, Terms, agreement, gradient_terms
from ..losses import segment_loss
from ..model import HRM
from ..plots.style import COLOURS

__all__ = ["GradientMicroscope", "picture"]

_BAR = 150  # pixels for a whole bar
_PARTS = {"input_net": "f_I", "worker": "f_L", "controller": "f_H", "output_net": "f_O", "q_head": "Q head"}


def picture(parts: str, tracked: int, found: dict[str, Agreement]) -> str:
    """What stopping after ``tracked`` steps gives, as HTML: the schedule, and a line of two bars for each part.

    parts: who stepped, the last step first, as in `gradients.Terms`; found: from `gradients.agreement`.
    """
    boxes = "".join(_box(part, i < tracked) for i, part in reversed(list(enumerate(parts))))
    lines = "".join(
        f'<tr><td style="padding:2px 10px 2px 0;text-align:left">{_PARTS.get(group, group)}</td>'
        f"{_bar(a.cosine, COLOURS['worker'])}{_bar(a.ratio, COLOURS['good'])}</tr>"
        for group, a in found.items()
    )
    head = "".join(f'<td style="padding:6px 0 2px;text-align:left">{t}</td>' for t in ("", "cosine", "length"))
    return (
        f'<div style="color:{COLOURS["ink"]};padding:8px;line-height:1.3">'
        f'<div style="margin-bottom:4px">{boxes}</div>'
        f'<table style="border-collapse:collapse;width:auto;margin:0"><tr>{head}</tr>{lines}</table></div>'
    )


def _box(part: str, seen: bool) -> str:
    ground = COLOURS["worker" if part == "L" else "controller"] if seen else COLOURS["changed"]
    return (
        f'<span style="display:inline-block;width:26px;margin:1px;text-align:center;font-size:12px;'
        f'background:{ground};color:{"#fff" if seen else COLOURS["flat"]}">{part}</span>'
    )


def _bar(value: float, colour: str) -> str:
    # A cosine can be negative and a length above 1: the bar ends there, and the number beside it does not.
    width = round(_BAR * min(max(value, 0.0), 1.0))
    return (
        f'<td style="padding:2px 18px 2px 0;white-space:nowrap;text-align:left">'
        f'<span style="display:inline-block;width:{_BAR}px;background:{COLOURS["changed"]};vertical-align:middle">'
        f'<span style="display:block;width:{width}px;height:11px;background:{colour}"></span></span> {value:.2f}</td>'
    )


class GradientMicroscope(w.VBox):
    """One slider: how many steps the gradient goes back. With a kernel, N and T can be changed too.

    model: an `HRM`; use float64 or float32. tokens, labels: (batch, seq_len), the puzzles whose loss is taken, with
    softmax cross-entropy and the halting loss.
    The play button and the slider need no kernel: all pictures are there.
    """

    def __init__(self, model: HRM, tokens: Tensor, labels: Tensor):
        self.model, self.tokens, self.labels = copy.deepcopy(model).eval(), tokens, labels
        self.dials = [
            w.IntSlider(value=value, min=1, max=6, description=name, continuous_update=False)
            for name, value in (("cycles N", model.config.cycles), ("steps T", model.config.steps))
        ]
        self.slider = w.IntSlider(min=0, description="steps", readout=False, layout=w.Layout(width="60%"))
        self.play = w.Play(min=0, interval=600)
        self.tabs = w.Tab()
        w.jslink((self.play, "value"), (self.slider, "value"))
        w.jslink((self.slider, "value"), (self.tabs, "selected_index"))
        for dial in self.dials:
            dial.observe(lambda change: self.show(), names="value")
        super().__init__([w.HBox(self.dials), w.HBox([self.play, self.slider]), self.tabs])
        self.show()

    def show(self) -> None:
        """Take the gradient apart for the N and T of the dials, and fill the pictures."""
        cycles, steps = (dial.value for dial in self.dials)
        self.model.config = self.model.config.replace(cycles=cycles, steps=steps)
        terms = gradient_terms(self.model, self.tokens, self._loss)
        pictures = [w.HTML(html) for html in self._pictures(terms)]
        self.slider.value = 0
        if self.tabs.children:
            self.tabs.selected_index = 0  # first: the tab that is open may be one that goes
        self.tabs.children = pictures
        self.tabs.selected_index = 0
        for i in range(len(terms.parts)):
            self.tabs.set_title(i, str(i + 1))
        self.play.max = self.slider.max = len(terms.parts) - 1

    def _loss(self, out) -> Tensor:
        return segment_loss(out, self.labels, None, "softmax").total / len(self.labels)

    def _pictures(self, terms: Terms) -> list[str]:
        full = terms.last()
        return [picture(terms.parts, k, agreement(terms.last(k), full)) for k in range(1, len(terms.parts) + 1)]
