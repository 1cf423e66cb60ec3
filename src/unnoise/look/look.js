"use strict";
// Without this file the page works too: it only swaps parts of the page, where the whole would come anew.

const form = document.querySelector("form[data-live]");
const told = document.getElementById("status");
let seen = new URLSearchParams(location.search).has("see"); // whether columns were chosen; else the page chooses
let running = null;
let timer = null;
let fading = null;

// The address of what the form says: fields that are empty, or as they were, are left out.
function address() {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (name === "see" && !seen) continue;
    const field = form.elements.namedItem(name);
    const base = field instanceof HTMLElement ? field.dataset.base : undefined;
    if (base === undefined ? value !== "" : value !== base) fields.append(name, value);
  }
  return `${form.action}?${fields}`;
}

// For those who listen, and for a few seconds for those who see.
function say(words, seconds = 4) {
  clearTimeout(fading);
  told.textContent = words;
  fading = setTimeout(() => (told.textContent = ""), 1000 * seconds);
}

// The parts of a page that are marked take the place of those of the same id.
function swap(page, searched) {
  const active = document.activeElement?.id;
  for (const part of page.querySelectorAll("[data-swap]")) {
    const old = document.getElementById(part.id);
    if (old && (part.dataset.swap === "always" || searched)) old.replaceWith(document.adoptNode(part));
  }
  if (active && document.activeElement?.id !== active) document.getElementById(active)?.focus({ preventScroll: true });
}

async function show(where, { searched = false, quiet = false } = {}) {
  running?.abort();
  running = new AbortController();
  const answer = document.getElementById("answer");
  if (!quiet) {
    answer.setAttribute("aria-busy", "true"); // which makes it pale; an answer that is only refined stays readable
    say("Asking the model …", 60);
  }
  try {
    const reply = await fetch(where, { signal: running.signal });
    if (reply.status === 499) return; // something else was asked since
    if (!reply.ok) throw new Error(await reply.text());
    swap(new DOMParser().parseFromString(await reply.text(), "text/html"), searched);
    if (!quiet) history.replaceState(null, "", where);
    const now = document.getElementById("answer");
    say(now.dataset.told);
    if (now.dataset.next) show(now.dataset.next, { quiet: true });
  } catch (error) {
    if (error.name === "AbortError") return;
    answer.removeAttribute("aria-busy");
    say(error instanceof TypeError ? "The page is no longer served: start 'unnoise look' again." : error.message, 60);
  }
}

if (form) {
  form.addEventListener("change", (event) => {
    seen ||= event.target.name === "see";
    if (event.target.id !== "find") show(address());
  });
  form.addEventListener("input", (event) => {
    if (event.target.id !== "find" && event.target.type !== "range") return;
    clearTimeout(timer);
    timer = setTimeout(() => show(address(), { searched: event.target.id === "find" }), 200);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(address(), { searched: true });
  });
  form.addEventListener("pointerdown", pick);
  const answer = document.getElementById("answer");
  if (answer?.dataset.next) show(answer.dataset.next, { quiet: true });
}

// A rectangle of pixels that is drawn on an image goes into the fields of its ends.
function pick(event) {
  const field = event.target.closest("[data-pick]");
  if (!field) return;
  event.preventDefault();
  const around = field.firstElementChild.getBoundingClientRect();
  const pixel = (at, start, length, count) => Math.floor(Math.min(Math.max((at - start) / length, 0), 0.999999) * count);
  const place = ({ clientX, clientY }) => [
    pixel(clientY, around.top, around.height, field.dataset.rows),
    pixel(clientX, around.left, around.width, field.dataset.columns),
  ];
  const from = place(event);
  const mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  mark.setAttribute("class", "chosen");
  field.querySelector(".chosen")?.remove();
  field.firstElementChild.append(mark);
  const draw = (now) => {
    const to = place(now);
    const ends = { top: 0, left: 1, bottom: 0, right: 1 };
    for (const [side, axis] of Object.entries(ends)) {
      const last = side === "bottom" || side === "right";
      ends[side] = last ? Math.max(from[axis], to[axis]) + 1 : Math.min(from[axis], to[axis]);
      document.getElementById(side).value = ends[side];
    }
    const { top, left, bottom, right } = ends;
    for (const [name, value] of Object.entries({ x: left, y: top, width: right - left, height: bottom - top }))
      mark.setAttribute(name, value);
  };
  draw(event);
  document.addEventListener("pointermove", draw);
  const done = () => {
    document.removeEventListener("pointermove", draw);
    show(address());
  };
  document.addEventListener("pointerup", done, { once: true });
}
