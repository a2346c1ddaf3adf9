// Shows new letters on the mailbox page as they come, without a reload.

const SECONDS_BETWEEN_LOOKS = 3;
const list = document.getElementById("sent");

async function look() {
  if (document.hidden) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("sent");
  const isBusy = list.contains(document.activeElement) || String(getSelection()) !== "";
  if (fresh && !isBusy && fresh.innerHTML !== list.innerHTML) list.innerHTML = fresh.innerHTML;
}

setInterval(look, SECONDS_BETWEEN_LOOKS * 1000);
