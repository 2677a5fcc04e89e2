// Dragging a card to another stage, and keeping the board as it is in the workspace.
"use strict";

const board = document.getElementById("board");
const EVERY = 4000;
let isDragging = false;

function makeSortable() {
  for (const cards of board.querySelectorAll(".cards")) {
    Sortable.create(cards, {
      group: "stages",
      sort: false,
      delay: 150,
      delayOnTouchOnly: true,
      filter: "a",
      preventOnFilter: false,
      onStart: () => { isDragging = true; },
      onEnd: dropped,
    });
  }
}

function dropped(event) {
  isDragging = false;
  if (event.from === event.to) return;
  const { place, expect } = event.item.dataset;
  const to = event.to.dataset.stage;
  event.from.insertBefore(event.item, event.from.children[event.oldIndex] || null);
  const funnel = board.querySelector(".columns").dataset.funnel;
  htmx.ajax("POST", `${place}/move`, { target: "#dialog", swap: "innerHTML", values: { to, expect, funnel } });
}

async function load() {
  await htmx.ajax("GET", location.pathname + location.search, { target: "#board", swap: "innerHTML" });
}

async function look() {
  const dialog = document.getElementById("dialog");
  if (!document.hidden && !isDragging && !dialog.open) {
    try {
      const answer = await fetch("/changes", { headers: { "HX-Request": "true" } });
      const { changed } = await answer.json();
      if (String(changed) !== board.querySelector(".columns").dataset.changed) await load();
    } catch {
      // the server is away: the next look may find it again
    }
  }
  setTimeout(look, EVERY);
}

board.addEventListener("htmx:afterSwap", makeSortable);
document.body.addEventListener("funnelflow-changed", load);
makeSortable();
setTimeout(look, EVERY);
