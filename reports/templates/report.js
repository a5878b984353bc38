"use strict";
// Conveniences only: everything on the page can be read without this script.

for (const filters of document.querySelectorAll("fieldset[data-filters]")) {
  const name = filters.dataset.filters;
  const boxes = [...filters.querySelectorAll("input")];
  const rows = [...filters.closest("section").querySelectorAll(`[data-${name}]`)];
  const counted = rows.filter((row) => row.id);

  filters.addEventListener("change", () => {
    const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    for (const row of rows) {
      row.classList.toggle("left-out", wanted.size > 0 && !wanted.has(row.dataset[name]));
    }
    const shown = counted.filter((row) => !row.classList.contains("left-out")).length;
    filters.querySelector(".shown").textContent =
      wanted.size > 0 ? `${shown} of ${counted.length} ${filters.dataset.what}` : "";
  });
  filters.hidden = boxes.length < 2;
}

for (const text of document.querySelectorAll("pre[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${text.dataset.copy}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text); // no clipboard here: leave it to the keyboard
      button.textContent = "Selected";
    }
    button.setAttribute("aria-label", `${button.textContent}: ${text.dataset.copy}`);
  });
  const copyable = document.createElement("div");
  copyable.className = "copyable";
  text.replaceWith(copyable);
  copyable.append(text, button);
}

// What is folded away cannot be the aim of a link.
function unfold() {
  const aim = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let folded = aim?.closest("details"); folded; folded = folded.parentElement.closest("details")) {
    folded.open = true;
  }
}
addEventListener("hashchange", unfold);
unfold();

// Paper cannot be unfolded.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    addEventListener("afterprint", () => (folded.open = false), { once: true });
  }
});
