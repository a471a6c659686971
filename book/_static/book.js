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

// Figures that would shrink to unreadable letters on a telephone: wider than a single panel.
document.addEventListener("DOMContentLoaded", () => {
  for (const img of document.querySelectorAll("div.cell_output > img")) {
    const mark = () => img.classList.toggle("wide", img.naturalWidth > 860);
    img.complete ? mark() : img.addEventListener("load", mark);
  }
});
