// Owns one thing: nobody loses what stands unsaved in the chain's form by clicking at a step.

const form = document.getElementById("chain_form");
const steps = document.getElementById("steps");

if (form && steps) {
  let changed = false;
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  window.addEventListener("beforeunload", (event) => {
    if (changed) {
      event.preventDefault();
      event.returnValue = steps.dataset.unsaved;
    }
  });
}
