// The gradient of z* is a sum of terms J^k. For one eigenvalue rho e^(i theta) of J they are arrows, tip to tail.
const S = stage(ID, [330, 330], (S) => {
  const { rho, theta, K } = S.values, a = (theta * Math.PI) / 180;
  const lam = [rho * Math.cos(a), rho * Math.sin(a)];
  const mul = (p, q) => [p[0] * q[0] - p[1] * q[1], p[0] * q[1] + p[1] * q[0]];
  const points = [[0, 0]];
  let power = [1, 0];
  for (let k = 0; k < 200; k++) {
    const p = points[k];
    points.push([p[0] + power[0], p[1] + power[1]]);
    power = mul(power, lam);
  }
  const d = (1 - lam[0]) ** 2 + lam[1] ** 2, full = [(1 - lam[0]) / d, lam[1] / d];
  const shown = points.slice(0, K + 1), all = [...shown, full];
  const xs = all.map((p) => p[0]), ys = all.map((p) => p[1]);
  const span = Math.max(Math.max(...xs) - Math.min(...xs), (Math.max(...ys) - Math.min(...ys)) * 1.6, 1.2) * 1.15;
  const cx = (Math.max(...xs) + Math.min(...xs)) / 2, cy = (Math.max(...ys) + Math.min(...ys)) / 2;
  const unit = Math.min((S.W - 40) / span, 270 / (span / 1.6));
  const at = (p) => [S.W / 2 + (p[0] - cx) * unit, 178 - (p[1] - cy) * unit];
  const arrow = (p, q, ink, width) => {
    const [x0, y0] = at(p), [x1, y1] = at(q), t = Math.atan2(y1 - y0, x1 - x0);
    line(S.svg, [[x0, y0], [x1, y1]], { stroke: ink, "stroke-width": width });
    if (Math.hypot(x1 - x0, y1 - y0) > 8) line(S.svg, [[x1 - 9 * Math.cos(t - 0.4), y1 - 9 * Math.sin(t - 0.4)], [x1, y1], [x1 - 9 * Math.cos(t + 0.4), y1 - 9 * Math.sin(t + 0.4)]], { stroke: ink, "stroke-width": width });
  };
  arrow([0, 0], full, GREEN, 2.4);
  for (let k = 1; k < K; k++) arrow(points[k], points[k + 1], BLUE, 1.5);
  arrow([0, 0], points[1], RED, 3);
  legend(S.svg, 2, 12, [["one step", RED], [K > 1 ? `terms 2 to ${K}` : "", BLUE], ["full gradient", GREEN]]);
  const angle = (p) => (Math.abs(Math.atan2(p[1], p[0]) - Math.atan2(full[1], full[0])) * 180) / Math.PI;
  const size = Math.hypot(...full), end = points[K];
  return `The first term alone, the one-step gradient, points ${angle([1, 0]).toFixed(0)}° away from the full gradient and has ${(100 / size).toFixed(0)} % of its length. ` +
    `${K === 1 ? "That is what is shown." : `${K} terms together: ${angle(end).toFixed(0)}° away, ${((100 * Math.hypot(...end)) / size).toFixed(0)} % of the length.`}`;
});
if (S) {
  S.slider("rho", "ρ, size of the eigenvalue", 0, 0.98, 0.01, 0.85, (v) => v.toFixed(2));
  S.slider("theta", "its angle θ", 0, 180, 5, 40, (v) => v + "°");
  S.slider("K", "terms shown", 1, 40, 1, 12);
  S.start();
}
