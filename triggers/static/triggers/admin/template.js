// Owns the help beside the template's fields: variables go where the cursor stands, the preview gets the page's theme.

let field = null;
document.addEventListener("focusin", (event) => {
  if (event.target.matches?.(".tc-source")) field = event.target;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-insert]");
  const target = field ?? document.querySelector("textarea.tc-source");
  if (!button || !target) return;
  target.focus();
  target.setRangeText(button.dataset.insert, target.selectionStart, target.selectionEnd, "end");
  target.dispatchEvent(new Event("input", { bubbles: true }));
});

const theme = document.querySelector("[data-theme-name]");
document.querySelector("[data-preview]")?.addEventListener("click", () => {
  if (theme) theme.value = document.documentElement.dataset.theme ?? "";
});
