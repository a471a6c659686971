// A guess for each change, and then what was measured: a dot for each seed. Points of exact accuracy, change minus base.
const N = DATA.names.length;
let shown = false;
const heading = (i) => DATA.names[i] + (DATA.says[i] ? " (" + DATA.says[i] + ")" : "");
const mean = (v) => v.reduce((a, b) => a + b, 0) / v.length;
const points = (v) => (v > 0 ? "+" : "") + say(v, 0);
const S = stage(ID, [54 * N + 50, 54 * N + 50], (S) => {
  const b = { x: 14, y: 6, w: S.W - 28, h: 54 * N };
  const X = linear([-DATA.reach, DATA.reach / 2], [b.x, b.x + b.w]);
  line(S.svg, [[X(0), b.y], [X(0), b.y + b.h]], { stroke: INK, "stroke-opacity": 0.6, "stroke-width": 1 });
  for (let v = -DATA.reach; v <= DATA.reach / 2; v += DATA.reach / 4) write(S.svg, X(v), b.y + b.h + 16, v ? points(v) : "0", { "text-anchor": "middle" });
  write(S.svg, b.x + b.w / 2, b.y + b.h + 34, "points of exact accuracy, against the base", { "text-anchor": "middle" });
  let off = 0, worst = 0, far = 0;
  for (let i = 0; i < N; i++) {
    const y = b.y + 54 * i + 36, guess = S.values["g" + i];
    write(S.svg, b.x, y - 20, heading(i));
    line(S.svg, [[b.x, y], [b.x + b.w, y]], { stroke: INK, "stroke-opacity": 0.14, "stroke-width": 1 });
    line(S.svg, [[X(guess), y - 9], [X(guess) + 7, y], [X(guess), y + 9], [X(guess) - 7, y], [X(guess), y - 9]], { stroke: RED, fill: shown ? "none" : RED });
    if (!shown) continue;
    for (const v of DATA.measured[i]) el(S.svg, "circle", { cx: X(v), cy: y, r: 5, fill: BLUE, "fill-opacity": 0.75 });
    const d = Math.abs(mean(DATA.measured[i]) - guess);
    off += d / N;
    if (d > far) { far = d; worst = i; }
  }
  if (!shown) return "A red diamond is your guess. When all are set, ask for what was measured.";
  return `Your guesses are ${say(off, 0)} points off on average, and furthest for “${DATA.names[worst]}”: ` +
    `you say ${points(S.values["g" + worst])}, and the mean of ${DATA.measured[worst].length} seeds is ${points(mean(DATA.measured[worst]))}.`;
});
if (S) {
  DATA.names.forEach((name, i) => S.slider("g" + i, name, -DATA.reach, DATA.reach / 2, 1, 0, points));
  S.button("show what was measured", (b) => { shown = !shown; b.textContent = shown ? "hide what was measured" : "show what was measured"; });
  S.start();
}
