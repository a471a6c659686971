// Clouds of points on three principal axes, to be turned: one cloud for each name, at several moments. Each point is
// written as its group's letter. Two characters hold a coordinate, in thousandths of the cloud's largest one.
const KEYS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const { clouds, groups, letters, moments } = DATA, many = groups.length;
const unpack = (text) => Array.from({ length: text.length / 2 }, (_, i) => (62 * KEYS.indexOf(text[2 * i]) + KEYS.indexOf(text[2 * i + 1])) / 1000 - 1);
const inks = [BLUE, RED, GREEN, PURPLE, GREY];
for (const c of clouds) c.values = unpack(c.points);
let chosen = 0;
const point = (c, m, i) => c.values.slice(3 * (m * many + i), 3 * (m * many + i) + 3);

// the page's right, its up, and towards the eye, for a turn and a tilt in degrees
function view(turn, tilt) {
  const a = (turn * Math.PI) / 180, e = (tilt * Math.PI) / 180;
  return [[-Math.sin(a), Math.cos(a), 0], [-Math.sin(e) * Math.cos(a), -Math.sin(e) * Math.sin(a), Math.cos(e)], [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)]];
}
const dot = (p, q) => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];

// of the variance on the three axes, what is seen from here; and how many points lie nearest to the middle of their group
function judged(flat) {
  const middle = (ps) => ps[0].map((_, k) => ps.reduce((s, p) => s + p[k], 0) / ps.length);
  const all = middle(flat), spread = [0, 1, 2].map((k) => flat.reduce((s, p) => s + (p[k] - all[k]) ** 2, 0));
  const total = spread[0] + spread[1] + spread[2];
  const centres = letters.map((_, g) => middle(flat.filter((_, i) => groups[i] === g)));
  const near = flat.filter((p, i) => {
    const far = centres.map((c) => Math.hypot(p[0] - c[0], p[1] - c[1]));
    return far.every((d, g) => g === groups[i] || d > far[groups[i]]);
  }).length;
  return { seen: total > 1e-9 ? (spread[0] + spread[1]) / total : null, near };
}

const S = stage(ID, [380, 330], (S) => {
  const { turn, tilt, m } = S.values, c = clouds[chosen], V = view(turn, tilt), H = S.wide ? 380 : 330;
  const r = Math.min(S.W / 2 - 30, H / 2 - 18), at = (p) => [S.W / 2 + r * dot(p, V[0]), H / 2 + 8 - r * dot(p, V[1])];
  const pad = el(S.svg, "rect", { x: 1, y: 18, width: S.W - 2, height: H - 20, rx: 6, fill: "transparent", tabindex: 0, role: "slider", "aria-label": "turn the picture", "aria-valuemin": -180, "aria-valuemax": 180, "aria-valuenow": turn, style: "cursor:grab;touch-action:pan-y" });
  S.svg.setAttribute("role", "group");
  [0, 1, 2].forEach((k) => {
    const end = [0, 0, 0].map((_, j) => (j === k ? 1 : 0)), [x, y] = at(end);
    line(S.svg, [at(end.map((v) => -v)), [x, y]], { stroke: INK, "stroke-opacity": 0.3, "stroke-width": 1, "pointer-events": "none" });
    write(S.svg, Math.max(14, Math.min(S.W - 14, x)), y - 4, `axis ${k + 1}`, { "text-anchor": "middle", "fill-opacity": 0.8, "font-size": 11, "pointer-events": "none" });
  });
  const flat = groups.map((g, i) => V.map((axis) => dot(point(c, m, i), axis)));
  if (m) groups.forEach((g, i) => line(S.svg, [at(point(c, m - 1, i)), at(point(c, m, i))], { stroke: inks[g % 5], "stroke-opacity": 0.3, "stroke-width": 1, "pointer-events": "none" }));
  groups.map((g, i) => [flat[i][2], g, i]).sort((p, q) => p[0] - q[0]).forEach(([deep, g, i]) => {
    const [x, y] = at(point(c, m, i));
    write(S.svg, x, y + 4, letters[g], { "text-anchor": "middle", fill: inks[g % 5], "font-weight": 600, "font-size": (12 + 2.5 * deep).toFixed(1), "fill-opacity": (0.75 + 0.25 * deep).toFixed(2), "pointer-events": "none" });
  });
  legend(S.svg, 2, 12, [[`${c.name}, ${moments[m]}`, INK], ...letters.map((t, g) => [t, inks[g % 5]])]);
  turnable(S, pad);
  const { seen, near } = judged(flat), three = c.shares.reduce((s, v) => s + v, 0);
  return `${c.name}, ${moments[m]}. The three axes hold ${(100 * three).toFixed(0)} % of the variance of ${c.name} over all moments` +
    (seen === null ? "; here all points are one." : `; from this side the page shows ${(100 * seen).toFixed(0)} % of what they hold now. Seen so, ${near} of ${many} points lie nearest to the middle of their own ${DATA.kind}.`);
});

// the picture itself is turned: dragged, or with the arrow keys; the sliders follow
function turnable(S, pad) {
  const inputs = S.root.querySelectorAll("input");
  const to = (turn, tilt) => {
    const focused = document.activeElement === pad || (document.activeElement && document.activeElement.getAttribute("role") === "slider" && S.svg.contains(document.activeElement));
    [((((turn + 180) % 360) + 360) % 360) - 180, Math.max(-90, Math.min(90, tilt))].forEach((v, i) => { inputs[i].value = Math.round(v); inputs[i].dispatchEvent(new Event("input")); });
    if (focused) S.svg.querySelector("[tabindex]").focus({ preventScroll: true });
  };
  pad.addEventListener("pointerdown", (down) => {
    pad.focus({ preventScroll: true });
    const { turn, tilt } = S.values;
    const go = (e) => { if (e.pointerId === down.pointerId) to(turn - (e.clientX - down.clientX) / 2, tilt + (e.clientY - down.clientY) / 2); };
    const stop = () => {
      removeEventListener("pointermove", go);
      for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, stop);
    };
    addEventListener("pointermove", go);
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, stop);
  });
  pad.addEventListener("keydown", (e) => {
    const by = { ArrowLeft: [10, 0], ArrowRight: [-10, 0], ArrowUp: [0, 10], ArrowDown: [0, -10] }[e.key];
    if (!by) return;
    e.preventDefault();
    to(S.values.turn + by[0], S.values.tilt + by[1]);
  });
}
if (S) {
  S.slider("turn", "turn", -180, 180, 1, 35, (v) => v + "°");
  S.slider("tilt", "tilt", -90, 90, 1, 20, (v) => v + "°");
  S.slider("m", "when", 0, moments.length - 1, 1, moments.length - 1, (v) => v + 1);
  const step = () => {
    const when = S.root.querySelectorAll("input")[2];
    when.value = +when.value >= moments.length - 1 ? 0 : +when.value + 1;
    when.dispatchEvent(new Event("input"));
    return +when.value < moments.length - 1;
  };
  S.player("play", step, 700);
  const names = clouds.map((c, k) => S.button(c.name, () => { chosen = k; mark(); }));
  const mark = () => names.forEach((b, k) => { b.setAttribute("aria-pressed", k === chosen); b.style.borderWidth = k === chosen ? "2px" : "1px"; });
  mark();
  S.start();
}
