// z <- q cos z + x: the cobweb beside the lengths of the steps
const f = (z, v) => v.q * Math.cos(z) + v.x;
let z0 = -2.4;

function course(v) {
  const zs = [z0];
  for (let i = 0; i < 300; i++) zs.push(f(zs[i], v));
  return zs;
}

const S = stage(ID, [300, 560], (S) => {
  const v = S.values, zs = course(v), steps = zs.slice(1).map((z, i) => Math.abs(z - zs[i]));
  const end = zs[300], slope = -v.q * Math.sin(end), settled = steps[299] < 1e-6;
  const took = steps.findIndex((s) => s < 1e-6) + 1;
  const w = S.wide ? S.W / 2 - 58 : S.W - 60;
  const a = { x: 40, y: 22, w, h: 220 }, b = S.wide ? { x: S.W / 2 + 44, y: 22, w, h: 220 } : { x: 40, y: 300, w, h: 200 };
  const X = linear([-3.2, 3.2], [a.x, a.x + a.w]), Y = linear([-3.2, 3.2], [a.y + a.h, a.y]);
  const t = [-3, -1.5, 0, 1.5, 3].map((k) => [k, String(k).replace("-", "−")]);
  axes(S.svg, a, X, Y, t, t, "z", "next z");
  line(S.svg, [[X(-3.2), Y(-3.2)], [X(3.2), Y(3.2)]], { stroke: "currentColor", "stroke-opacity": 0.5, "stroke-width": 1 });
  const curve = [];
  for (let z = -3.2; z <= 3.2; z += 0.05) curve.push([X(z), Y(f(z, v))]);
  line(S.svg, curve, { stroke: BLUE });
  const path = [[X(z0), Y(0)]];
  for (let i = 0; i < 60; i++) path.push([X(zs[i]), Y(zs[i + 1])], [X(zs[i + 1]), Y(zs[i + 1])]);
  line(S.svg, path, { stroke: RED, "stroke-width": 1.2 });
  S.handle("where z begins", [X(z0), Y(0)], { now: z0, by: (k) => { z0 = Math.max(-3, Math.min(3, z0 + 0.1 * k)); } }, (x) => {
    z0 = Math.max(-3, Math.min(3, -3.2 + (6.4 * (x - a.x)) / a.w));
  });
  const K = linear([1, 40], [b.x, b.x + b.w]), L = log([1e-8, 10], [b.y + b.h, b.y]);
  axes(S.svg, b, K, L, [1, 10, 20, 30, 40].map((k) => [k, k]), [[1, "1"], [1e-2, "10⁻²"], [1e-4, "10⁻⁴"], [1e-6, "10⁻⁶"], [1e-8, "10⁻⁸"]], "step", "length of the step");
  line(S.svg, steps.slice(0, 40).map((s, i) => [K(i + 1), L(s)]), { stroke: BLUE });
  steps.slice(0, 40).forEach((s, i) => el(S.svg, "circle", { cx: K(i + 1), cy: L(s), r: 2.6, fill: BLUE }));
  return settled
    ? `It settles at z = ${end.toFixed(4).replace("-", "−")}, where the slope is ${slope.toFixed(3).replace("-", "−")}: each step is ${Math.abs(slope).toFixed(3)} times as long as the one before, and step ${took} is the first below 10⁻⁶.`
    : `It does not settle: after 300 steps a step is still ${steps[299].toFixed(3)} long.`;
});
if (S) {
  S.slider("q", "q, how strongly it depends on z", 0, 2, 0.05, 0.95, (v) => v.toFixed(2));
  S.slider("x", "x, the input", -1.5, 1.5, 0.05, 0.3, (v) => v.toFixed(2).replace("-", "−"));
  S.start();
}
