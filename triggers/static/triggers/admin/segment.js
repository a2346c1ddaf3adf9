// Owns the live count of a segment: asks the server soon after the rule has changed, and shows only the last answer.

const WAIT_MS = 600;

const section = document.querySelector("[data-count]");
const answer = section?.querySelector("[data-count-answer]");
const rule = document.querySelector("textarea[name=rule]");
let timer = 0;
let asking = null;

async function count() {
  asking?.abort();
  asking = new AbortController();
  answer.setAttribute("aria-busy", "true");
  const body = new FormData();
  body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  if (section.dataset.saved) body.set("saved", section.dataset.saved);
  else body.set("rule", rule?.value ?? "");
  try {
    const response = await fetch(section.dataset.count, { method: "POST", body, signal: asking.signal });
    if (!response.ok) throw new Error(response.statusText);
    answer.innerHTML = await response.text();
  } catch (error) {
    if (error.name === "AbortError") return;
    answer.textContent = error.message;
  }
  answer.setAttribute("aria-busy", "false");
}

if (section) {
  rule?.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(count, WAIT_MS);
  });
  section.querySelector("[data-count-now]").addEventListener("click", count);
  if (section.dataset.saved || rule?.value) count();
}
