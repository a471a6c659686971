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
