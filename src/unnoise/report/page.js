// Comfort alone: without it all is open, and every value stands in a table or in the title of a mark.
"use strict";

const folds = [...document.querySelectorAll("details.fold")];
for (const fold of folds) fold.open = false;
const unprinted = () => folds.filter((fold) => !fold.open && !fold.classList.contains("rest"));
let opened = [];
addEventListener("beforeprint", () => { opened = unprinted(); opened.forEach((fold) => { fold.open = true; }); });
addEventListener("afterprint", () => { opened.forEach((fold) => { fold.open = false; }); opened = []; });

function unfold() {
  let part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
}
addEventListener("hashchange", unfold);
unfold();

// Tables: the head of a column sorts by it; numbers by size, words by the alphabet.
const key = (row, place) => row.cells[place].textContent.trim();
const size = (words) => parseFloat(words.replaceAll(",", "").replace("−", "-"));
for (const table of document.querySelectorAll("main table")) {
  const body = table.tBodies[0];
  if (body.rows.length < 3) continue;
  [...table.tHead.rows[0].cells].forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = (a, b) => {
        const [x, y] = [key(a, place), key(b, place)], [u, v] = [size(x), size(y)];
        if (!head.classList.contains("number")) return x.localeCompare(y);
        return Number.isNaN(u) - Number.isNaN(v) || u - v || 0;
      };
      const rows = [...body.rows].sort(order);
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}

// Charts: what a mark says, under the pointer, the finger, or the arrow keys.
const tip = document.createElement("output");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);
for (const title of document.querySelectorAll("svg .mark > title")) {
  title.parentElement.dataset.words = title.textContent;
  title.remove();
}
let lit = null;
function tell(mark) {
  if (lit) lit.classList.remove("lit");
  lit = mark;
  tip.hidden = !mark;
  if (!mark) return;
  mark.classList.add("lit");
  tip.textContent = mark.dataset.words;
  const box = mark.getBoundingClientRect(), wide = document.documentElement.clientWidth;
  tip.style.left = `${Math.max(8, Math.min(box.left + box.width / 2 - tip.offsetWidth / 2, wide - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.max(8, box.top - tip.offsetHeight - 6)}px`;
}
const marked = (event) => event.target instanceof Element ? event.target.closest("svg .mark") : null;
addEventListener("pointerover", (event) => tell(marked(event)));
addEventListener("scroll", () => tell(null), { passive: true });
addEventListener("focusout", () => tell(null));
addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") tell(null);
  if (!step || !(event.target instanceof SVGSVGElement)) return;
  const marks = [...event.target.querySelectorAll(".mark")];
  if (!marks.length) return;
  event.preventDefault();
  tell(marks[(marks.indexOf(lit) + step + marks.length) % marks.length]);
});
