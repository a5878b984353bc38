"use strict";
// Conveniences only: everything on the page can be read without this script.

const filters = document.getElementById("filters");
const boxes = [...filters.querySelectorAll("input")];
const rows = [...document.querySelectorAll("tr[data-verdict]")];

function filter() {
  const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const leftOut = rows.map((row) => wanted.size > 0 && !wanted.has(row.dataset.verdict));
  rows.forEach((row, i) => row.classList.toggle("left-out", leftOut[i]));
  const shown = leftOut.filter((out) => !out).length;
  document.getElementById("shown").textContent = wanted.size > 0 ? `${shown} of ${rows.length} claims` : "";
}

filters.addEventListener("change", filter);
filters.hidden = boxes.length < 2;

function select(element) {
  getSelection().selectAllChildren(element);
}

for (const text of document.querySelectorAll("pre.reproduction")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      select(text); // no clipboard here: leave it to the keyboard
      button.textContent = "Selected";
    }
  });
  text.after(button);
}

// Paper cannot be unfolded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    addEventListener("afterprint", () => (folded.open = false), { once: true });
  }
});
