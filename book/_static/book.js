// Widgets typeset their labels by MathJax 2's interface; the pages carry MathJax 3.
document.addEventListener("DOMContentLoaded", () => {
  if (window.MathJax?.typesetPromise) {
    window.MathJax.Hub = { Queue: ([, , element]) => window.MathJax.typesetPromise([element]) };
  }
});
