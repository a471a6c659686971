// One puzzle, begun again and again: the answer of the last attempt shown, and the belief in each so far.
// DATA: question, solution (81 digits, 0 for a blank), answers (attempts x 81 digits), q (logits), segments
const K = DATA.answers.length, sigmoid = (q) => 1 / (1 + Math.exp(-q));
const misses = DATA.answers.map((a) => [...a].filter((d, i) => d !== DATA.solution[i]).length);

const S = stage(ID, [330, 620], (S) => {
  const k = S.values.k, size = S.wide ? 270 : Math.min(S.W - 20, 290), cell = size / 9, x0 = 8, y0 = 30;
  const answer = DATA.answers[k - 1];
  write(S.svg, x0, y0 - 9, `the answer of attempt ${k}`);
  for (let i = 0; i < 81; i++) {
    const x = x0 + (i % 9) * cell, y = y0 + Math.floor(i / 9) * cell, wrong = answer[i] !== DATA.solution[i];
    if (wrong) el(S.svg, "rect", { x, y, width: cell, height: cell, fill: RED, "fill-opacity": 0.28 });
    const given = DATA.question[i] !== "0";
    write(S.svg, x + cell / 2, y + cell / 2 + 5, answer[i], { "text-anchor": "middle", "font-size": 14, "font-weight": given ? 700 : 400, fill: given ? INK : BLUE });
  }
  for (let i = 0; i <= 9; i++) {
    const look = { stroke: INK, "stroke-opacity": 0.7, "stroke-width": i % 3 ? 0.5 : 1.6 };
    line(S.svg, [[x0 + i * cell, y0], [x0 + i * cell, y0 + size]], look);
    line(S.svg, [[x0, y0 + i * cell], [x0 + size, y0 + i * cell]], look);
  }
  const b = S.wide ? { x: size + 70, y: 30, w: S.W - size - 86, h: 240 } : { x: 44, y: size + 80, w: S.W - 60, h: 180 };
  const X = linear([0.4, K + 0.6], [b.x, b.x + b.w]), Y = linear([0, 1], [b.y + b.h, b.y]);
  axes(S.svg, b, X, Y, Array.from({ length: K }, (_, i) => i + 1).filter((i) => i === 1 || i % 4 === 0).map((i) => [i, i]),
    [[0, "0"], [0.5, "0.5"], [1, "1"]], "attempt", "");
  legend(S.svg, b.x - 30, b.y - 10, [["Q̂:", INK], ["right", GREEN], ["wrong", RED]]);
  const beliefs = DATA.q.slice(0, k).map(sigmoid), best = beliefs.indexOf(Math.max(...beliefs));
  beliefs.forEach((v, i) => {
    const ink = misses[i] ? RED : GREEN;
    line(S.svg, [[X(i + 1), Y(0)], [X(i + 1), Y(v)]], { stroke: ink, "stroke-width": 2 });
    el(S.svg, "circle", { cx: X(i + 1), cy: Y(v), r: 4.5, fill: misses[i] ? "none" : ink, stroke: ink, "stroke-width": 2 });
    if (i === best) el(S.svg, "circle", { cx: X(i + 1), cy: Y(v), r: 9, fill: "none", stroke: INK, "stroke-width": 1.2 });
  });
  const now = misses[k - 1] ? `${misses[k - 1]} cells wrong` : "right";
  return `Attempt ${k} of ${K}: ${now}, Q̂ ${beliefs[k - 1].toFixed(3)}, after ${DATA.segments[k - 1]} segments. ` +
    `So far ${misses.slice(0, k).filter((m) => !m).length} of ${k} right; the highest Q̂ (ringed) is attempt ${best + 1}, which is ${misses[best] ? "wrong" : "right"}.`;
});
if (S) {
  S.slider("k", "attempts", 1, K, 1, 1);
  S.start();
}
