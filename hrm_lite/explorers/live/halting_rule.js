// The rule: halt after the first segment with q_halt - q_continue > margin (logits); at the last segment in any case.
// DATA: halt, cont (segments x puzzles, logits; cont may be missing), right (segments x puzzles, 0 or 1)
const M = DATA.halt.length, n = DATA.halt[0].length;
const sigmoid = (q) => 1 / (1 + Math.exp(-q)), mean = (v) => v.reduce((s, a) => s + a, 0) / v.length;

function play(tau) {
  const stops = Array.from({ length: M }, () => [0, 0]);
  let right = 0, segments = 0;
  for (let i = 0; i < n; i++) {
    let m = 0;
    while (m < M - 1 && !(DATA.halt[m][i] - (DATA.cont ? DATA.cont[m][i] : 0) > tau)) m += 1;
    stops[m][DATA.right[m][i]] += 1;
    segments += m + 1;
    right += DATA.right[m][i];
  }
  return { stops, right: right / n, segments: segments / n };
}

const S = stage(ID, [266, 526], (S) => {
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
    write(S.svg, a.x + a.w - 4, a.y + a.h - 50 + 18 * j, name, { fill: ink, "text-anchor": "end", "font-weight": 600 });
  });
  const B = linear([0.5, M + 0.5], [b.x, b.x + b.w]), C = linear([0, 1], [b.y + b.h, b.y]);
  axes(S.svg, b, B, C, xt, [[0, "0"], [0.5, "50 %"], [1, "100 %"]], "segment", "");
  const bar = Math.max(4, b.w / M - 6);
  found.stops.forEach(([wrong, right], i) => {
    for (const [low, high, ink] of [[0, right, GREEN], [right, right + wrong, GREY]])
      el(S.svg, "rect", { x: B(i + 1) - bar / 2, y: C(high / n), width: bar, height: C(low / n) - C(high / n), fill: ink, "fill-opacity": 0.85 });
  });
  legend(S.svg, b.x - 30, b.y - 9, [["puzzles that halt here:", INK], ["right", GREEN], ["wrong", GREY]]);
  return `Margin ${say(S.values.tau, 1)}: ${found.segments.toFixed(2)} segments on average, and ${(100 * found.right).toFixed(1)} % of ${n} puzzles right. ` +
    `All ${M} segments for everybody: ${(100 * mean(DATA.right[M - 1])).toFixed(1)} %.`;
});
if (S) {
  S.slider("tau", "margin τ", -6, 6, 0.1, DATA.margin, (v) => say(v, 1));
  S.start();
}
