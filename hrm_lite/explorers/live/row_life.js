// A batch of rows: each carries its latents from segment to segment until it halts; then a fresh puzzle takes the row.
// An update after every segment. How long a puzzle needs is drawn: 1 to 5 segments until its answer is right; the head
// is taken to know that, so a row halts when its answer is right, after M segments, and not before it has explored.
const ROWS = 8, STEPS = 60;
let now = 22;

function lives(M, epsilon) {
  let seed = 11;
  const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
  const fresh = (n) => ({ n, m: 0, needs: 1 + Math.floor(5 * random() * random()), least: random() < epsilon ? 2 + Math.floor(random() * (M - 1)) : 1 });
  // n: the puzzles that this row has had, moved by the row, so that neighbours differ in colour
  let done = 0, spent = 0;
  const rows = Array.from({ length: ROWS }, (_, i) => fresh(i)), steps = [];
  for (let s = 0; s < STEPS; s++) {
    const step = rows.map((row, i) => {
      row.m += 1;
      const halts = row.m >= M || (row.m >= row.needs && row.m >= row.least);
      const shown = { n: row.n, m: row.m, right: row.m >= row.needs, halts };
      if (halts) { done += 1; spent += row.m; rows[i] = fresh(row.n + 1); }
      return shown;
    });
    steps.push({ rows: step, done, spent });
  }
  return steps;
}

const S = stage(ID, [286, 286], (S) => {
  const { M, epsilon } = S.values, steps = lives(M, epsilon), columns = Math.min(STEPS, Math.floor((S.W - 58) / 30));
  const first = Math.max(0, now - columns), w = (S.W - 56) / columns, h = 28, inks = [BLUE, RED, GREEN, PURPLE], foot = 10 + ROWS * h;
  for (let s = first; s < now; s++) {
    const x = 50 + (s - first) * w;
    steps[s].rows.forEach((row, i) => {
      const y = 6 + i * h, starts = row.m === 1, x0 = x + (starts ? 2 : 0);
      el(S.svg, "rect", { x: x0, y: y + 2, width: x + w - (row.halts ? 2 : 0) - x0, height: h - 5, rx: 2, fill: inks[row.n % 4], "fill-opacity": row.right ? 0.9 : 0.3 });
      write(S.svg, x + w / 2, y + 18, row.m, { "text-anchor": "middle", fill: row.right ? "var(--on)" : INK, "font-weight": row.halts ? 700 : 400 });
    });
    write(S.svg, x + w - 1, foot + 9, "▲", { "text-anchor": "middle", "font-size": 10, "fill-opacity": 0.75 });
    if ((s + 1) % 2 === 0) write(S.svg, x + w / 2, foot + 26, s + 1, { "text-anchor": "middle" });
  }
  for (let i = 0; i < ROWS; i++) write(S.svg, 43, 24 + i * h, "row " + (i + 1), { "text-anchor": "end" });
  write(S.svg, 43, foot + 10, "update", { "text-anchor": "end" });
  write(S.svg, 50 + (S.W - 56) / 2, foot + 44, "segments of the batch", { "text-anchor": "middle" });
  const at = steps[now - 1];
  return `After ${now} segments there were ${now} updates, and ${at.done} puzzles have halted, after ${at.done ? (at.spent / at.done).toFixed(1) : "–"} segments each on average. A new colour is a new puzzle with fresh latents; full colour: its answer is right, so it may halt.`;
});
if (S) {
  S.slider("M", "M, most segments", 2, 8, 1, 4);
  S.slider("epsilon", "ε, chance to explore", 0, 1, 0.1, 0.1, (v) => v.toFixed(1));
  S.player("play", () => { now = now >= STEPS ? 1 : now + 1; return now < STEPS; }, 500);
  S.button("one segment", () => { now = Math.min(now + 1, STEPS); });
  S.button("from the start", () => { now = 1; });
  S.start();
}
