// z_i <- tanh(g s_i z_(i-1)) for 32 bits at once: how far, and how strongly, a flip of the first bit shows
const SIGNS = [1, -1, -1, 1, -1, 1, 1, -1, 1, 1, -1, -1, -1, 1, -1, 1, 1, -1, 1, -1, -1, 1, 1, 1, -1, 1, -1, -1, 1, -1, 1, 1];
const REST = 36;
let at = REST;

function course(g, flip, steps) {
  let z = SIGNS.map(() => 0);
  for (let k = 0; k < steps; k++) z = SIGNS.map((s, i) => Math.tanh(g * (i === 0 && flip ? -s : s) * (i === 0 ? 1 : z[i - 1])));
  return z;
}

const S = stage(ID, [288, 288], (S) => {
  const g = S.values.g, a = course(g, false, at), b = course(g, true, at);
  const effect = a.map((z, i) => Math.abs(z - b[i]) / 2);
  const box = { x: 48, y: 66, w: S.W - 60, h: 185 };
  const X = linear([0.5, 32.5], [box.x, box.x + box.w]), Y = log([1e-4, 1], [box.y + box.h, box.y]);
  const each = box.w / 32, w = Math.max(3, each - 3);
  [[a, "as it is"], [b, "flipped"]].forEach(([z, name], row) => {
    z.forEach((value, i) => {
      const x = X(i + 1) - w / 2, y = 2 + 17 * row;
      el(S.svg, "rect", { x, y, width: w, height: 14, rx: 2, fill: INK, "fill-opacity": 0.1 });
      el(S.svg, "rect", { x, y, width: w, height: 14, rx: 2, fill: value > 0 ? BLUE : RED, "fill-opacity": Math.min(1, Math.abs(value)) });
    });
    write(S.svg, box.x - 5, 13 + 17 * row, name, { "text-anchor": "end", "font-size": 11 });
  });
  axes(S.svg, box, X, Y, [1, 8, 16, 24, 32].map((k) => [k, k]), [[1, "1"], [0.1, "0.1"], [0.01, "0.01"], [1e-3, "10⁻³"], [1e-4, "10⁻⁴"]], "bit", "effect of flipping bit 1");
  effect.forEach((e, i) => {
    if (e > 1e-4) el(S.svg, "rect", { x: X(i + 1) - w / 2, y: Y(e), width: w, height: box.y + box.h - Y(e), fill: e >= 0.01 ? BLUE : GREY, "fill-opacity": 0.85 });
  });
  line(S.svg, [[box.x, Y(0.01)], [box.x + box.w, Y(0.01)]], { stroke: RED, "stroke-dasharray": "5 4", "stroke-width": 1.2 });
  const far = effect.filter((e) => e >= 0.01).length;
  return `After step ${at} the flip shows at ${far} of 32 bits by a hundredth or more` + (far ? `; at the last of them its effect is ${say(effect[far - 1], 3)}.` : ".") +
    (at < 32 ? " The news goes one bit a step." : far < 32 ? " All is at rest, and the bits beyond will hardly know." : " All is at rest, and the news has come through" + (g > 1 ? ": the gain g makes up for what tanh takes away." : "."));
});
if (S) {
  S.slider("g", "g, the gain of a link", 0.5, 3, 0.05, 0.8, (v) => v.toFixed(2));
  S.player("flip bit 1 and play", () => { at = at >= REST ? 0 : at + 1; return at < REST; }, 250);
  S.button("one step", () => { at = Math.min(at + 1, REST); });
  S.button("from the start", () => { at = 0; });
  S.start();
}
