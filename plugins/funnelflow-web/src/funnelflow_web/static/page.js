// The dialog in which forms are asked and answered, and the token that every change brings.
"use strict";

const dialog = document.getElementById("dialog");
const said = document.getElementById("said");

document.body.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.body.dataset.csrf;
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === dialog && !dialog.open) dialog.showModal();
});

document.body.addEventListener("funnelflow-changed", () => {
  if (dialog.open) dialog.close();
});

document.body.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  say(status === 403 ? "This page is too old: load it again." : "That was not done; try again.");
});

document.body.addEventListener("htmx:sendError", () => say("The server cannot be reached."));

dialog.addEventListener("click", (event) => {
  if (event.target.closest(".close")) {
    event.preventDefault();
    dialog.close();
  }
});

dialog.addEventListener("close", () => dialog.replaceChildren());

function say(text) {
  said.textContent = text;
  said.classList.remove("hidden");
}
