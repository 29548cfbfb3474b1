/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Progressive enhancement; every page works without it: the cart without a
// reload, and a button that copies an address.

"use strict";

// Texts come from the page, in its language.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const isPlainClick = (event) =>
  event.button === 0 &&
  !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
const fill = (text, values) =>
  text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// The cart ---

const cartBar = () => $("[data-cart-bar]");

function showCart(cart) {
  const bar = cartBar();
  const texts = bar?.dataset;
  const held = new Set(cart.items.map((item) => item.item_id));
  $$("[data-cart-count]").forEach((place) => {
    place.textContent = cart.items.length;
    place.parentNode.classList.toggle("empty", held.size === 0);
  });
  if (bar) {
    bar.hidden = held.size === 0;
    $("[data-cart-summary]", bar).textContent = cart.summary;
    $("[data-cart-status]").textContent = cart.summary;
  }
  $$("[data-release]").forEach((tracks) => {
    tracks.classList.toggle("whole-in-cart", held.has(tracks.dataset.release));
  });
  $$(".add").forEach((place) => {
    const { title, text } = place.dataset;
    const button = $("button", place);
    const inCart = held.has(button.value);
    button.classList.toggle("done", inCart);
    button.name = inCart ? "remove" : "add";
    button.textContent = inCart ? texts.inCart : text;
    button.setAttribute(
      "aria-label",
      fill(inCart ? texts.remove : texts.add, { button: text, title }),
    );
  });
}

// What the store has not answered yet.
const pending = new Set();

// Requests are sent one after the other: each answer has the whole cart.
let queue = Promise.resolve();

// A button whose form the browser is to submit by itself.
let refused;

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button?.closest(".add") || button === refused) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(button.form));
  body.append(button.name, button.value);
  button.disabled = true;
  const change = queue
    .then(() => changeCart(button, body))
    .catch(() => false);
  queue = change;
  pending.add(change);
  change.then(() => pending.delete(change));
});

// Links that leave the page open.
const STAYS = "[target], [download], [data-preview], [href^='#']";

// The next page shows the cart as it is after those answers; after an error,
// this page says so instead.
document.addEventListener(
  "click",
  async (event) => {
    const link = event.target.closest("a[href]");
    if (!link || !pending.size || !isPlainClick(event)) return;
    if (link.matches(STAYS)) return;
    event.preventDefault();
    event.stopPropagation();
    const changed = await Promise.all(pending);
    if (changed.every(Boolean)) link.click();
  },
  true,
);

// Request the cart, or change it, and show the answer.
async function requestCart(options) {
  const response = await fetch("/cart", {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout?.(10_000),
    ...options,
  });
  if (!response.ok) throw new Error(response.statusText);
  showCart(await response.json());
}

// A page that is shown again as it was left has the cart of that time.
addEventListener("pageshow", (event) => {
  if (!event.persisted || !$("[data-cart-count]")) return;
  if (/^\/(cart|checkout)$/.test(location.pathname)) location.reload();
  else queue = queue.then(() => requestCart()).catch(() => {});
});

// A disabled button has lost the focus; one that was moved on stays there.
function enable(button) {
  const { activeElement, body } = document;
  button.disabled = false;
  if ([body, button].includes(activeElement)) button.focus();
}

// Whether the cart was changed.
async function changeCart(button, body) {
  try {
    await requestCart({
      method: "POST",
      body,
      keepalive: true, // also where the buyer closes the page
    });
    enable(button);
    return true;
  } catch (error) {
    enable(button);
    if (!button.isConnected) return false; // another page is shown
    if (error instanceof TypeError) {
      // No connection: the page stays, and the button can be pressed again.
      const { add, retry } = cartBar().dataset;
      const { title } = button.closest(".add").dataset;
      const label = fill(add, { button: retry, title });
      button.textContent = retry;
      button.setAttribute("aria-label", label);
      $("[data-cart-status]").textContent = label;
      return false;
    }
    // Submit the form normally, so that the store's answer is shown: after
    // the other changes.
    queue.then(() => {
      refused = button;
      button.form?.requestSubmit(button);
      refused = null;
    });
    return false;
  }
}

// Sharing ---

if (navigator.share) {
  const showShare = () => {
    const share = $("[data-share]");
    if (share) share.hidden = false;
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-share]")) return;
    navigator
      .share({ title: document.title, url: $("link[rel=canonical]").href })
      .catch(() => {}); // closed without choosing
  });
  document.addEventListener("pagechange", showShare);
  showShare();
}
