// A batch of rows: each carries its latents from segment to segment until it halts; then a fresh puzzle takes the row.
// An update after every segment. How long a puzzle needs is drawn: 1 to 5 segments until its answer is right.
const ROWS = 8, STEPS = 60;
let now = 14;

function lives(M, epsilon) {
  let seed = 11;
  const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
  const fresh = (n) => ({ n, m: 0, needs: 1 + Math.floor(5 * random() * random()), least: random() < epsilon ? 2 + Math.floor(random() * (M - 1)) : 1 });
  let count = ROWS, done = 0, spent = 0;
  const rows = Array.from({ length: ROWS }, (_, i) => fresh(i)), steps = [];
  for (let s = 0; s < STEPS; s++) {
    const step = rows.map((row, i) => {
      row.m += 1;
      const halts = row.m >= M || (row.m >= row.needs && row.m >= row.least);
      const shown = { n: row.n, m: row.m, right: row.m >= row.needs, halts };
      if (halts) { done += 1; spent += row.m; rows[i] = fresh(count++); }
      return shown;
    });
    steps.push({ rows: step, done, spent });
  }
  return steps;
}

const S = stage(ID, [300, 300], (S) => {
  const { M, epsilon } = S.values, steps = lives(M, epsilon), columns = Math.min(STEPS, Math.floor((S.W - 60) / 30));
  const first = Math.max(0, now - columns), w = (S.W - 60) / columns, h = 28;
  const inks = [BLUE, RED, GREEN, "#8d6bb1"];
  for (let s = first; s < now; s++) {
    const x = 46 + (s - first) * w;
    steps[s].rows.forEach((row, i) => {
      const y = 14 + i * h;
      el(S.svg, "rect", { x: x + 1, y: y + 2, width: w - (row.halts ? 5 : 0), height: h - 5, rx: 3, fill: inks[row.n % 4], "fill-opacity": row.right ? 0.85 : 0.35 });
      el(S.svg, "text", { x: x + w / 2 - 1, y: y + 18, "text-anchor": "middle" }, row.m);
    });
    if (S.wide || s % 2 === 1) el(S.svg, "text", { x: x + w / 2, y: 14 + ROWS * h + 16, "text-anchor": "middle" }, s + 1);
  }
  for (let i = 0; i < ROWS; i++) el(S.svg, "text", { x: 38, y: 32 + i * h, "text-anchor": "end" }, "row " + (i + 1));
  el(S.svg, "text", { x: S.W / 2, y: 14 + ROWS * h + 36, "text-anchor": "middle" }, "segment of the whole batch, and an update after it");
  const at = steps[now - 1];
  return `After ${now} segments there were ${now} updates, and ${at.done} puzzles have halted, after ${at.done ? (at.spent / at.done).toFixed(1) : "–"} segments each on average. A new colour is a new puzzle with fresh latents; a full colour means that the answer is right.`;
});
if (S) {
  S.slider("M", "most segments, M", 2, 8, 1, 4);
  S.slider("epsilon", "exploration ε", 0, 1, 0.1, 0.1, (v) => v.toFixed(1));
  S.player("play", () => { now = now >= STEPS ? 1 : now + 1; return now < STEPS; }, 500);
  S.button("one segment", () => { now = Math.min(now + 1, STEPS); });
  S.button("from the start", () => { now = 1; });
  S.start();
}
