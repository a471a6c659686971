// A board and the answers that it goes through. DATA: rows, columns, box (or null), faces ([character, colour or null] of
// each token), boards (a string each, the first is the question; a letter is a token), broken (the cells of each board
// that break a rule), titles, label (the right answer, or null), plays (whether it begins by itself).
const [ROWS, COLUMNS] = DATA.grid, CELLS = ROWS * COLUMNS, LAST = DATA.boards.length - 1;
const token = (board, i) => board.charCodeAt(i) - 65;
const blanks = [...Array(CELLS).keys()].filter((i) => !DATA.label || DATA.boards[0][i] !== DATA.label[i]);
const right = DATA.boards.map((b) => (DATA.label ? blanks.filter((i) => b[i] === DATA.label[i]).length : 0));
const changed = DATA.boards.map((b, n) => (n ? [...b].map((c, i) => c !== DATA.boards[n - 1][i]) : []));
// a puzzle that paints its cells needs paper under them; digits alone take the ink of the page
const painted = DATA.faces.some((f) => f[1]), INK_HERE = painted ? "#1f2937" : INK, BLUE_HERE = painted ? "#0072b2" : BLUE;
const tall = (side) => Math.round((side * ROWS) / COLUMNS);

function grid(svg, x, y, size) {
  for (const [count, box, across] of [[ROWS, DATA.box && DATA.box[0], true], [COLUMNS, DATA.box && DATA.box[1], false]]) {
    for (let k = 0; k <= count; k++) {
      const thick = k % (box || count) === 0, at = k * size;
      const ends = across ? [[x, y + at], [x + COLUMNS * size, y + at]] : [[x + at, y], [x + at, y + ROWS * size]];
      line(svg, ends, { stroke: INK_HERE, "stroke-opacity": thick ? 0.9 : 0.35, "stroke-width": thick ? 1.6 : size < 16 ? 0.4 : 0.8 });
    }
  }
}

function board(svg, x, y, size, n) {
  const b = DATA.boards[n], given = DATA.boards[0], broken = new Set(DATA.broken[n]);
  if (painted) el(svg, "rect", { x, y, width: COLUMNS * size, height: ROWS * size, fill: "#fff" });
  for (let i = 0; i < CELLS; i++) {
    const [character, colour] = DATA.faces[token(b, i)], cx = x + (i % COLUMNS) * size, cy = y + Math.floor(i / COLUMNS) * size;
    const box = { x: cx, y: cy, width: size, height: size };
    if (colour) el(svg, "rect", Object.assign({ fill: colour }, box));
    if (broken.has(i)) el(svg, "rect", Object.assign({ fill: "#e0533d", "fill-opacity": 0.42 }, box));
    else if (changed[n][i] && !colour) el(svg, "rect", Object.assign({ fill: "#8b93a1", "fill-opacity": 0.32 }, box));
    const kept = b[i] === given[i];
    if (character) write(svg, cx + size / 2, cy + size * 0.7, character, { "text-anchor": "middle", "font-size": (size * 0.58).toFixed(1), "font-weight": kept ? 700 : 400, fill: kept ? INK_HERE : BLUE_HERE });
  }
  grid(svg, x, y, size);
}

function curves(svg, b, now) {
  const top = Math.max(blanks.length, ...DATA.broken.map((v) => v.length));
  const X = linear([0, LAST], [b.x, b.x + b.w]), Y = linear([0, top], [b.y + b.h, b.y]);
  const gap = Math.max(1, Math.ceil(LAST / 4 / 5) * 5), ticks = [];
  for (let k = 0; k <= LAST; k += gap) ticks.push([k, k]);
  axes(svg, b, X, Y, ticks, [0, Math.round(top / 2), top].map((v) => [v, v]), DATA.unit, "");
  line(svg, right.map((v, k) => [X(k), Y(v)]), { stroke: GREEN });
  line(svg, DATA.broken.map((v, k) => [X(k), Y(v.length)]), { stroke: RED, "stroke-dasharray": "5 3" });
  line(svg, [[X(now), b.y], [X(now), b.y + b.h]], { stroke: INK, "stroke-opacity": 0.6, "stroke-width": 1 });
  legend(svg, b.x, b.y - 10, [["blanks right", GREEN], ["cells that break a rule", RED]]);
}

const side = Math.min(340, 36 * COLUMNS), wideTall = tall(side) + 8;
const S = stage(ID, [Math.max(wideTall, DATA.label ? 250 : 0), tall(Math.min(side, 300)) + (DATA.label ? 170 : 8)], (S) => {
  const n = S.values.step, w = S.wide ? side : Math.min(side, 300, S.W - 4), size = w / COLUMNS, room = DATA.label !== null;
  const x = S.wide && room ? 2 : (S.W - w) / 2;
  board(S.svg, x, 4, size, n);
  if (room && S.wide) curves(S.svg, { x: w + 64, y: 34, w: S.W - w - 76, h: 150 }, n);
  if (room && !S.wide) curves(S.svg, { x: 34, y: tall(w) + 36, w: S.W - 46, h: 84 }, n);
  if (n === 0) return "The question.";
  const broken = DATA.broken[n].length, moved = changed[n].filter(Boolean).length;
  const breaks = broken === 1 ? "1 cell breaks a rule" : broken ? `${broken} cells break a rule` : "no cell breaks a rule";
  const good = room ? `${right[n]} of ${blanks.length} blanks right, ` : "";
  return `${DATA.titles[n - 1]}: ${good}${breaks}, ${moved} changed.`;
});
if (S) {
  const move = S.slider("step", "board", 0, LAST, 1, DATA.opens);
  const now = () => S.values.step;
  const play = S.player("play", () => { move(now() >= LAST ? 0 : now() + 1); return now() < LAST; }, 450);
  S.button("back", () => move(Math.max(0, now() - 1)));
  S.button("one on", () => move(Math.min(LAST, now() + 1)));
  S.start();
  if (DATA.plays && !matchMedia("(prefers-reduced-motion: reduce)").matches) { move(0); play(true); }
}
