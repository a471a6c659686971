// The rule: halt after the first segment with q_halt - q_continue > margin (logits); at the last segment in any case.
// DATA: halt, cont (segments x puzzles, logits; cont may be missing), right (segments x puzzles, 0 or 1)
const M = DATA.halt.length, n = DATA.halt[0].length;
const sigmoid = (q) => 1 / (1 + Math.exp(-q)), mean = (v) => v.reduce((s, a) => s + a, 0) / v.length;

function play(tau) {
  const stops = Array(M).fill(0);
  let right = 0, segments = 0;
  for (let i = 0; i < n; i++) {
    let m = 0;
    while (m < M - 1 && !(DATA.halt[m][i] - (DATA.cont ? DATA.cont[m][i] : 0) > tau)) m += 1;
    stops[m] += 1;
    segments += m + 1;
    right += DATA.right[m][i];
  }
  return { stops, right: right / n, segments: segments / n };
}

const S = stage(ID, [300, 540], (S) => {
  const found = play(S.values.tau), w = S.wide ? S.W / 2 - 60 : S.W - 64, ks = Array.from({ length: M }, (_, i) => i + 1);
  const a = { x: 44, y: 26, w, h: 200 }, b = S.wide ? { x: S.W / 2 + 44, y: 26, w, h: 200 } : { x: 44, y: 300, w, h: 180 };
  const X = linear([0.5, M + 0.5], [a.x, a.x + a.w]), Y = linear([0, 1], [a.y + a.h, a.y]);
  const xt = ks.filter((k) => M <= 8 || k === 1 || k % 4 === 0).map((k) => [k, k]);
  axes(S.svg, a, X, Y, xt, [[0, "0"], [0.5, "0.5"], [1, "1"]], "segment", "mean over all puzzles");
  const curves = [["right", GREEN, DATA.right.map(mean), ""], ["Q̂ halt", BLUE, DATA.halt.map((q) => mean(q.map(sigmoid))), "6 3"]];
  if (DATA.cont) curves.push(["Q̂ continue", RED, DATA.cont.map((q) => mean(q.map(sigmoid))), "2 3"]);
  curves.forEach(([name, ink, values, dash], j) => {
    line(S.svg, values.map((v, i) => [X(i + 1), Y(v)]), { stroke: ink, "stroke-dasharray": dash });
    values.forEach((v, i) => el(S.svg, "circle", { cx: X(i + 1), cy: Y(v), r: 3, fill: ink }));
    el(S.svg, "text", { x: a.x + a.w - 4, y: a.y + a.h - 50 + 18 * j, fill: ink, "text-anchor": "end", "font-weight": 600 }, name);
  });
  const B = linear([0.5, M + 0.5], [b.x, b.x + b.w]), C = linear([0, 1], [b.y + b.h, b.y]);
  axes(S.svg, b, B, C, xt, [[0, "0"], [0.5, "50 %"], [1, "100 %"]], "segment", "puzzles that halt here");
  const bar = Math.max(4, b.w / M - 6);
  found.stops.forEach((c, i) => el(S.svg, "rect", { x: B(i + 1) - bar / 2, y: C(c / n), width: bar, height: b.y + b.h - C(c / n), fill: BLUE, "fill-opacity": 0.8 }));
  return `Margin ${S.values.tau.toFixed(1).replace("-", "−")}: ${found.segments.toFixed(2)} segments on average, and ${(100 * found.right).toFixed(1)} % of ${n} puzzles right. ` +
    `All ${M} segments for everybody: ${(100 * mean(DATA.right[M - 1])).toFixed(1)} %.`;
});
if (S) {
  S.slider("tau", "margin τ", -6, 6, 0.1, DATA.margin, (v) => v.toFixed(1).replace("-", "−"));
  S.start();
}
