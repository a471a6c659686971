// A toy with two clocks: worker zL <- tanh(A zL + B zH + x), T times a cycle; controller zH <- tanh(C zH + D zL), once.
// Eight numbers each, fixed weights. The same curves as a trained network has, and the same end: rest.
let seed = 7;
const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 1073741824 - 1; };
const matrix = (gain) => Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => gain * random()));
const A = matrix(0.34), B = matrix(0.6), C = matrix(0.3), D = matrix(0.35), input = Array.from({ length: 8 }, random);
const times = (M, v) => M.map((row) => row.reduce((s, m, i) => s + m * v[i], 0));
const add = (...vs) => vs[0].map((_, i) => Math.tanh(vs.reduce((s, v) => s + v[i], 0)));
const size = (v) => Math.hypot(...v);

function residuals(N, T, segments) {
  let zL = Array(8).fill(0.9), zH = Array(8).fill(-0.9);
  const out = [];
  for (let c = 0; c < N * segments; c++) {
    for (let t = 0; t < T; t++) {
      const next = add(times(A, zL), times(B, zH), input);
      out.push(["L", size(next.map((v, i) => v - zL[i])) / size(zL)]);
      zL = next;
    }
    const next = add(times(C, zH), times(D, zL));
    out.push(["H", size(next.map((v, i) => v - zH[i])) / size(zH)]);
    zH = next;
  }
  return out;
}

const S = stage(ID, [306, 306], (S) => {
  const { N, T } = S.values, segments = 3, r = residuals(N, T, segments), count = r.length;
  const box = { x: 46, y: 88, w: S.W - 62, h: 180 };
  const X = linear([0, count], [box.x, box.x + box.w]), Y = log([1e-6, 2], [box.y + box.h, box.y]);
  const each = box.w / count;
  r.forEach(([part], i) => {
    const y = part === "H" ? 14 : 38;
    el(S.svg, "rect", { x: X(i) + each * 0.1, y, width: Math.max(each * 0.8, 1), height: 18, rx: Math.min(3, each / 4), fill: part === "H" ? RED : BLUE });
  });
  write(S.svg, box.x - 6, 28, "z_H", { "text-anchor": "end", fill: RED });
  write(S.svg, box.x - 6, 52, "z_L", { "text-anchor": "end", fill: BLUE });
  const ticks = [[1, "1"], [1e-2, "1 %"], [1e-4, "10⁻⁴"], [1e-6, "10⁻⁶"]];
  axes(S.svg, box, X, Y, [[0, "0"], [count / segments, count / segments], [2 * count / segments, 2 * count / segments], [count, count]], ticks, "steps, three segments", "forward residual ‖z′ − z‖ / ‖z‖");
  line(S.svg, [[box.x, Y(0.01)], [box.x + box.w, Y(0.01)]], { stroke: GREEN, "stroke-dasharray": "5 4", "stroke-width": 1.2 });
  for (let s = 1; s < segments; s++) line(S.svg, [[X(s * count / segments), 10], [X(s * count / segments), box.y + box.h]], { stroke: INK, "stroke-opacity": 0.5, "stroke-dasharray": "2 4", "stroke-width": 1 });
  for (const [part, ink, mark] of [["L", BLUE, 2.6], ["H", RED, 4]]) {
    const points = r.map((p, i) => [X(i + 0.5), Y(p[1]), p[0]]).filter((p) => p[2] === part);
    line(S.svg, points, { stroke: ink, "stroke-width": 1.2, "stroke-opacity": 0.6 });
    points.forEach((p) => el(S.svg, "circle", { cx: p[0], cy: p[1], r: Math.min(mark, Math.max(1.4, each / 2)), fill: ink }));
  }
  let last = 0;
  r.forEach((p, i) => { if (p[1] >= 0.01) last = i + 1; });
  const one = count / segments;
  return `A toy of eight numbers for each state. A segment has N·T = ${N * T} steps of the worker and ${N} of the controller. ` +
    (last >= count ? "After three segments something still moves by 1 % or more." : `The last step that moves anything by 1 % or more is step ${last}, in segment ${Math.max(1, Math.ceil(last / one))}: two clocks put rest off, they do not prevent it.`);
});
if (S) {
  S.slider("N", "cycles N", 1, 8, 1, 4);
  S.slider("T", "steps T", 1, 12, 1, 4);
  S.start();
}
