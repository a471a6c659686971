// Widgets have their labels typeset by MathJax 2's interface, with dollars; the pages carry MathJax 3.
document.addEventListener("DOMContentLoaded", () => {
  if (window.MathJax?.typesetPromise) {
    window.MathJax.Hub = {
      Queue: ([, , label]) => {
        label.classList.add("mathjax_process");
        window.MathJax.typesetPromise([label]);
      },
    };
  }
});

// The theme makes pictures of icons as they appear, and the widgets' play buttons then miss theirs: they stopped with an
// error. So it does it once, for its own; those of the widgets stay characters of a font. They get names, too.
document.addEventListener("DOMContentLoaded", () => {
  window.FontAwesome?.dom.i2svg({ callback: () => window.FontAwesome.noAuto() });
  const named = () => {
    for (const play of document.querySelectorAll(".widget-play")) {
      ["play or pause", "stop", "repeat"].forEach((name, i) => play.children[i]?.setAttribute("aria-label", name));
    }
  };
  if (document.querySelector('script[type="application/vnd.jupyter.widget-view+json"]')) {
    new MutationObserver(named).observe(document.querySelector(".bd-article"), { childList: true, subtree: true });
  }
});

// Figures that would shrink to unreadable letters on a telephone: what the style sheet needs to make them wider than it.
document.addEventListener("DOMContentLoaded", () => {
  for (const img of document.querySelectorAll(".bd-article img")) {
    const box = img.closest(".animation, div.cell_output, figure, p");
    const mark = () => {
      if (!box || img.naturalWidth < 560) return;
      img.style.setProperty("--natural", `${img.naturalWidth}px`);
      img.classList.add("wide");
      box.classList.add("pushed");
    };
    img.complete && img.naturalWidth ? mark() : img.addEventListener("load", mark, { once: true });
  }
});

// Names in the text that are longer than a telephone's line.
document.addEventListener("DOMContentLoaded", () => {
  for (const code of document.querySelectorAll(".bd-article :not(pre) > code")) {
    code.classList.toggle("long", code.textContent.split(/\s/).some((word) => word.length > 34));
  }
});

// Printed columns, which are scrambled when their lines are broken: most lines have a gap of two spaces within, and none
// is long enough to be a paragraph.
document.addEventListener("DOMContentLoaded", () => {
  for (const pre of document.querySelectorAll("div.cell_output pre")) {
    const lines = pre.textContent.split("\n").filter((line) => line.trim());
    const gaps = lines.filter((line) => /\S {2,}\S/.test(line));
    const short = lines.every((line) => line.length <= 100);
    pre.classList.toggle("columns", short && gaps.length > 1 && gaps.length * 2 >= lines.length);
  }
});

// Tables that are wider than the column.
window.addEventListener("load", () => {
  for (const box of document.querySelectorAll(".pst-scrollable-table-container")) {
    if (box.scrollWidth > box.clientWidth) box.querySelector("table").classList.add("tight");
  }
});

// The ink of the figures is a grey for both grounds. On the dark one a curve lifts what is dim; black and white stay.
document.addEventListener("DOMContentLoaded", () => {
  const curve = ["R", "G", "B"].map((c) => `<feFunc${c} type="gamma" exponent="0.75"/>`).join("");
  document.body.insertAdjacentHTML("beforeend", `<svg width="0" height="0" style="position:absolute" aria-hidden="true">
    <filter id="lift" color-interpolation-filters="sRGB"><feComponentTransfer>${curve}</feComponentTransfer></filter></svg>`);
  document.documentElement.classList.add("lifts");
});
