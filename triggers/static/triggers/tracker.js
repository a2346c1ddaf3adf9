// Tells the shop what a visitor does: pages, goods, marked clicks, downloads, time on a page, form fields that were left.
// It names nobody and sends no value of any field. Works under `default-src 'self'`; the server decides what it believes.
(function (script) {
  "use strict";
  const { url, events, wait, layer, quiet } = script.dataset;
  const allowed = new Set(events.split(" "));
  const STORE = "triggers.parcels";
  const MOST_EVENTS = 20, MOST_PARCELS = 10, MOST_TRIES = 5, PAUSE = 2000;
  const FILE = /\.(pdf|csv|xlsx?|docx?|pptx?|odt|ods|zip|rar|7z|txt|epub|mp3|mp4)$/i;
  if (quiet === "yes" && (navigator.globalPrivacyControl || navigator.doNotTrack === "1")) return;

  let isOpen = wait !== "yes", timer = 0, visibleSince = Date.now(), engaged = 0, page = "", underWay = "";
  let queue = [];
  let parcels = read();

  function read() {
    try { return JSON.parse(sessionStorage.getItem(STORE)) || []; } catch { return []; }
  }

  function write() {
    try { sessionStorage.setItem(STORE, JSON.stringify(parcels.slice(-MOST_PARCELS))); } catch { /* no room, no storage */ }
  }

  function track(name, data, ref) {
    if (!allowed.has(name)) return;
    queue.push({ name, data: data || {}, ref: ref || "", at: Date.now() });
    queue = queue.slice(-5 * MOST_EVENTS);
    if (isOpen) later(queue.length >= MOST_EVENTS ? 0 : PAUSE);
  }

  function later(pause) {
    clearTimeout(timer);
    timer = setTimeout(flush, pause);
  }

  function pack() {
    while (isOpen && queue.length) {
      parcels.push({ id: newId(), tries: 0, events: queue.splice(0, MOST_EVENTS) });
    }
    write();
  }

  function newId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function body(parcel) {
    const now = Date.now();
    const told = parcel.events.map(({ at, ...rest }) => ({ ...rest, age: Math.max(0, now - at) }));
    return JSON.stringify({ id: parcel.id, events: told });
  }

  // One parcel after the other; what did not arrive is tried again later, under the same id, on the next page if need be.
  async function flush() {
    pack();
    const parcel = parcels[0];
    if (!parcel || !isOpen || underWay) return;
    underWay = parcel.id;
    const status = await post(parcel);
    underWay = "";
    if ((status === 0 || status >= 500 || status === 429) && ++parcel.tries < MOST_TRIES) {
      write();
      return later(PAUSE * 4 ** parcel.tries);
    }
    parcels = parcels.filter((one) => one.id !== parcel.id);
    write();
    if (parcels.length) later(0);
  }

  async function post(parcel) {
    try {
      const answer = await fetch(url, { method: "POST", body: body(parcel), keepalive: true, credentials: "same-origin" });
      return answer.status;
    } catch {
      return 0;
    }
  }

  // The page goes: nobody will hear an answer any more.
  function leave() {
    if (visibleSince) engaged += Date.now() - visibleSince;
    visibleSince = 0;
    if (engaged >= 1000) track("user_engagement", { engagement_time_msec: engaged, page_location: page });
    engaged = 0;
    pack();
    // What is under way arrives by itself; if not, the next page sends it again.
    if (isOpen) parcels = parcels.filter((one) => one.id === underWay || !navigator.sendBeacon(url, body(one)));
    write();
  }

  function viewPage() {
    const here = location.origin + location.pathname + location.search;
    if (here === page) return;
    const from = page || document.referrer;
    page = here;
    track("page_view", { page_location: page, page_title: document.title, page_referrer: from });
    for (const item of goods()) track("view_item", { items: [item], value: item.price, currency: item.currency });
  }

  // What the page itself says it sells: `data-triggers-item` with JSON, or schema.org's Product.
  function goods() {
    const marked = [...document.querySelectorAll("[data-triggers-item]")].map((one) => parse(one.dataset.triggersItem));
    const items = marked.filter(Boolean);
    if (items.length) return items.slice(0, 1);
    const blocks = [...document.querySelectorAll('script[type="application/ld+json"]')].map((one) => parse(one.textContent));
    const things = blocks.flatMap((one) => (one && one["@graph"]) || one || []);
    return things.filter((one) => one && [].concat(one["@type"]).includes("Product")).slice(0, 1).map(product);
  }

  function product(thing) {
    const offer = [].concat(thing.offers || {})[0] || {};
    const price = Number(offer.price || offer.lowPrice);
    return {
      item_id: String(thing.sku || thing.productID || thing.url || location.pathname),
      item_name: thing.name,
      item_category: typeof thing.category === "string" ? thing.category : undefined,
      price: Number.isFinite(price) && price > 0 ? price : undefined,
      currency: offer.priceCurrency,
    };
  }

  function parse(text) {
    try { return JSON.parse(text); } catch { return null; }
  }

  function clicked(event) {
    const marked = event.target.closest("[data-triggers-click]");
    if (marked) track("click", { element: marked.dataset.triggersClick, page_location: page });
    const link = event.target.closest("a[href]");
    if (!link) return;
    const place = new URL(link.href, location.href);
    const extension = FILE.exec(place.pathname);
    if (!extension && !link.hasAttribute("download")) return;
    const name = link.download || decodeURIComponent(place.pathname.split("/").pop());
    const kind = extension ? extension[1].toLowerCase() : "";
    track("file_download", { file_name: name, file_extension: kind, link_url: place.href, page_location: page });
  }

  function fieldLeft(event) {
    const field = event.target, form = field.closest && field.closest("[data-triggers-form]");
    if (!form || !field.name || !field.value || field.type === "password" || field.type === "hidden") return;
    track("form_field_left", { form: form.dataset.triggersForm, field: field.name, page_location: page });
  }

  // A shop that reports to Google Analytics 4 has said all of it already: `gtag(…)` and pushed objects pass by here.
  function listen(name) {
    const told = (window[name] = window[name] || []);
    const push = told.push;
    told.forEach(hear);
    told.push = function (...entries) {
      entries.forEach(hear);
      return push.apply(this, entries);
    };
  }

  function hear(entry) {
    try {
      if (entry[0] === "consent") consent(entry[1], entry[2] || {});
      else if (entry[0] === "event") told(entry[1], entry[2]);
      else if (entry.event) told(entry.event, entry.ecommerce || entry);
    } catch { /* what others push is not ours to judge */ }
  }

  // What we see by ourselves is not counted twice.
  function told(name, { event, ecommerce, event_callback, send_to, ...data } = {}) {
    if (name !== "page_view" && !(name === "view_item" && goods().length)) track(name, data);
  }

  // "default" comes before anybody was asked: what is told until then is kept back, not thrown away. A default for some
  // region may not be about this visitor; it can close, never open.
  function consent(when, said) {
    if (said.analytics_storage === "granted" && when === "default") isOpen = isOpen || (wait !== "yes" && !said.region);
    else if (said.analytics_storage === "granted") allow();
    else if (said.analytics_storage === "denied" && when === "default") isOpen = false;
    else if (said.analytics_storage === "denied") deny();
  }

  function allow() {
    isOpen = true;
    if (queue.length || parcels.length) later(0);
  }

  function deny() {
    isOpen = false;
    queue = [];
    parcels = [];
    write();
  }

  function watch(name) {
    const before = history[name];
    history[name] = function (...given) {
      const result = before.apply(this, given);
      try { viewPage(); } catch { /* the shop's own way through its pages comes first */ }
      return result;
    };
  }

  window.triggersTracker = { track, allow, deny };
  if (layer) listen(layer);
  watch("pushState");
  watch("replaceState");
  addEventListener("popstate", viewPage);
  document.addEventListener("click", clicked, true);
  document.addEventListener("focusout", fieldLeft);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") leave();
    else visibleSince = Date.now();
  });
  addEventListener("pagehide", leave);
  viewPage();
  if (isOpen && parcels.length) later(0);
})(document.currentScript);
