// z <- q cos z + x: the cobweb beside the lengths of the steps
const END = 3.6, MANY = 20000, SHOWN = 40;
const f = (z, v) => v.q * Math.cos(z) + v.x;
let z0 = -2.4;

function course(v) {
  const zs = [z0];
  for (let i = 0; i < MANY; i++) zs.push(f(zs[i], v));
  return zs;
}

const S = stage(ID, [274, 540], (S) => {
  const v = S.values, zs = course(v), steps = zs.slice(1).map((z, i) => Math.abs(z - zs[i]));
  const end = zs[MANY], slope = -v.q * Math.sin(end), settled = steps[MANY - 1] < 1e-6;
  const took = steps.findIndex((s) => s < 1e-6) + 1;
  const w = S.wide ? S.W / 2 - 58 : S.W - 60;
  const a = { x: 40, y: 22, w, h: 215 }, b = S.wide ? { x: S.W / 2 + 44, y: 22, w, h: 215 } : { x: 40, y: 300, w, h: 200 };
  const X = linear([-END, END], [a.x, a.x + a.w]), Y = linear([-END, END], [a.y + a.h, a.y]);
  const t = [-3, -1.5, 0, 1.5, 3].map((k) => [k, say(k, 1).replace(".0", "")]);
  axes(S.svg, a, X, Y, t, t, "z", "next z = q cos z + x");
  line(S.svg, [[X(-END), Y(-END)], [X(END), Y(END)]], { stroke: INK, "stroke-opacity": 0.45, "stroke-width": 1 });
  const curve = [];
  for (let z = -END; z <= END; z += 0.05) curve.push([X(z), Y(f(z, v))]);
  line(S.svg, curve, { stroke: BLUE });
  const path = [[X(z0), Y(0)]];
  for (let i = 0; i < 60; i++) path.push([X(zs[i]), Y(zs[i + 1])], [X(zs[i + 1]), Y(zs[i + 1])]);
  line(S.svg, path, { stroke: RED, "stroke-width": 1.2 });
  if (settled) el(S.svg, "circle", { cx: X(end), cy: Y(end), r: 3.4, fill: GREEN });
  write(S.svg, X(z0), Y(0) - 14, "start", { fill: RED, "text-anchor": "middle" });
  S.handle("where z begins", X, Y(0), [-3, 3], z0, (z) => { z0 = z; });
  const K = linear([1, SHOWN], [b.x, b.x + b.w]), L = log([1e-8, 10], [b.y + b.h, b.y]);
  axes(S.svg, b, K, L, [1, 10, 20, 30, 40].map((k) => [k, k]), [[1, "1"], [1e-2, "10⁻²"], [1e-4, "10⁻⁴"], [1e-6, "10⁻⁶"], [1e-8, "10⁻⁸"]], "step", "length of the step");
  line(S.svg, [[b.x, L(1e-6)], [b.x + b.w, L(1e-6)]], { stroke: GREEN, "stroke-dasharray": "5 4", "stroke-width": 1.2 });
  const dots = steps.slice(0, SHOWN).map((s, i) => [K(i + 1), L(s), s]).filter((p) => p[2] >= 1e-8);
  line(S.svg, dots, { stroke: BLUE, "stroke-width": 1.2 });
  dots.forEach((p) => el(S.svg, "circle", { cx: p[0], cy: p[1], r: 2.6, fill: BLUE }));
  return settled
    ? `From ${say(z0, 1)} it settles at z = ${say(end, 4)}, where the slope is ${say(slope, 3)}: each step is ${say(Math.abs(slope), 3)} times as long as the one before, and step ${took} is the first below 10⁻⁶.`
    : `From ${say(z0, 1)} it does not settle: after ${MANY} steps a step is still ${say(steps[MANY - 1], 3)} long.`;
});
if (S) {
  S.slider("q", "q, weight of cos z", 0, 2, 0.05, 0.95, (v) => v.toFixed(2));
  S.slider("x", "x, the input", -1.5, 1.5, 0.05, 0.3, (v) => say(v, 2));
  S.start();
}
