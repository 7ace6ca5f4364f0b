// Keeps a page up to date: when the server tells of a change, the page is asked for again and its live parts are exchanged.
"use strict";
(() => {
  const anchor = document.getElementById("live");
  const sign = document.getElementById("live-state");
  if (!anchor || !window.EventSource || !window.htmx) return;

  const SOONEST = 1000; // ms between two looks, however much happens
  const USUAL = 15000; // ms after which a page looks again by itself: ages go on, and so does what is no event
  let stream = null;
  let looked = Date.now();
  let looking = false;
  let timer = null;

  function show(state, text) {
    if (!sign || sign.dataset.state === state) return;
    sign.dataset.state = state;
    sign.textContent = text;
    sign.hidden = false;
  }

  const parts = anchor.getAttribute("hx-select-oob");
  const isChanged = (field) =>
    field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;

  // What somebody is in the middle of is left alone: a text that is marked, a field that has the focus or was changed.
  function isBusy() {
    if (String(window.getSelection())) return true;
    const fields = [...document.querySelectorAll(":is(input, textarea, select)")].filter((each) => each.closest(parts));
    return fields.some((each) => each === document.activeElement || (each.matches("input, textarea") && isChanged(each)));
  }

  // What somebody has unfolded stays so when its part of the page is exchanged.
  const unfolded = new Set();
  document.addEventListener(
    "toggle",
    (event) => event.target.id && unfolded[event.target.open ? "add" : "delete"](event.target.id),
    true,
  );
  document.body.addEventListener("htmx:oobBeforeSwap", (event) => {
    for (const part of event.detail.fragment.querySelectorAll("details[id]")) part.open = unfolded.has(part.id) || part.open;
  });

  function look() {
    timer = null;
    // What has ended changes no more, and whoever reads it is left in peace.
    if (document.querySelector("main [data-ended]")) return rest();
    if (document.hidden || looking || isBusy()) return soon(SOONEST);
    looked = Date.now();
    looking = true;
    window.htmx.trigger(anchor, "landfall:change");
  }

  function soon(wait) {
    if (timer === null) timer = window.setTimeout(look, wait);
  }

  function connect() {
    if (stream || document.hidden) return;
    stream = new EventSource(anchor.dataset.stream);
    stream.addEventListener("open", () => show("on", "Live"));
    stream.addEventListener("change", () => soon(Math.max(0, looked + SOONEST - Date.now())));
    stream.addEventListener("error", () => {
      show("off", "Not live");
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null;
        window.setTimeout(connect, 5000);
      }
    });
  }

  // A browser has few connections to a host: a page that nobody sees gives its own back.
  function disconnect() {
    if (stream) stream.close();
    stream = null;
  }

  function rest() {
    disconnect();
    if (sign) sign.hidden = true;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return disconnect();
    connect();
    soon(0);
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", connect);
  document.body.addEventListener("htmx:afterRequest", () => (looking = false));
  document.body.addEventListener("htmx:responseError", (event) => {
    // The session has ended: the address leads to the log-in and back.
    if (event.detail.xhr.status === 401) window.location.reload();
    show("off", "Not live");
  });
  document.body.addEventListener("htmx:sendError", () => show("off", "Not live"));
  window.setInterval(() => Date.now() - looked > USUAL && soon(0), 1000);
  connect();
})();
