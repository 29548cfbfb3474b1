/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Progressive enhancement; every page works without it: the cart without a
// reload, previews in one player bar, a button that copies an address.

"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// The cart ------------------------------------------------------------------

function showCount(count) {
  $$("[data-cart-count]").forEach((place) => {
    place.textContent = count;
  });
}

function showButtons(cart) {
  const held = new Set(cart.items.map((item) => item.item_id));
  $$("form.add button").forEach((button) => {
    const inCart = held.has(button.value);
    if (inCart === button.classList.contains("done")) return;
    button.dataset.add ??= inCart ? "Add" : button.textContent;
    button.classList.toggle("done", inCart);
    button.name = inCart ? "remove" : "add";
    button.textContent = inCart ? "In cart" : button.dataset.add;
    const label = button.getAttribute("aria-label") ?? "";
    button.setAttribute(
      "aria-label",
      inCart
        ? label.replace(/^.*? (.*) to the cart$/, "Remove $1 from the cart")
        : label.replace(/^Remove (.*) from the cart$/, "Add $1 to the cart"),
    );
  });
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const button = event.submitter;
  if (!form.matches("form.add") || !button) return;
  event.preventDefault();
  button.disabled = true;
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams({ [button.name]: button.value }),
    });
    if (!response.ok) throw new Error(response.statusText);
    const cart = await response.json();
    showCount(cart.items.length);
    showButtons(cart);
    button.disabled = false;
    button.focus();
  } catch {
    // Submit the form normally, so that the store's answer is shown.
    button.disabled = false;
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = button.name;
    field.value = button.value;
    form.append(field);
    form.submit();
  }
});

// Previews ------------------------------------------------------------------

const bar = $("[data-player]");

if (bar) {
  const audio = new Audio();
  audio.preload = "none";
  const toggle = $("[data-player-toggle]", bar);
  const title = $("[data-player-title]", bar);
  const time = $("[data-player-time]", bar);
  const progress = $("[data-player-progress]", bar);
  let current = null;

  const clock = (seconds) => {
    const whole = Math.floor(seconds || 0);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  };
  const mark = () => {
    const playing = !audio.paused;
    toggle.textContent = playing ? "Pause" : "Play";
    $$("[data-preview]").forEach((link) => {
      const here = link === current && playing;
      link.setAttribute("aria-pressed", String(here));
      link.textContent = here ? "pause" : "listen";
    });
  };
  const stop = () => {
    audio.pause();
    bar.hidden = true;
    current?.focus();
  };
  const play = async (link) => {
    if (link !== current) {
      current = link;
      audio.src = link.href;
      title.textContent = link.dataset.title;
      progress.value = 0;
      time.textContent = clock(0);
    }
    bar.hidden = false;
    try {
      await audio.play();
    } catch (error) {
      if (error.name !== "AbortError") {
        title.textContent = "This preview can't be played here.";
      }
    }
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-preview]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link === current && !audio.paused) audio.pause();
    else play(link);
  });
  $$("[data-preview]").forEach((link) => {
    link.setAttribute("role", "button");
    link.setAttribute("aria-pressed", "false");
    link.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      link.click();
    });
  });
  toggle.addEventListener("click", () => {
    if (audio.paused) audio.play();
    else audio.pause();
  });
  $("[data-player-stop]", bar).addEventListener("click", stop);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !bar.hidden) stop();
  });
  audio.addEventListener("play", mark);
  audio.addEventListener("pause", mark);
  audio.addEventListener("ended", mark);
  audio.addEventListener("timeupdate", () => {
    time.textContent = clock(audio.currentTime);
    progress.value = audio.duration ? audio.currentTime / audio.duration : 0;
  });
}

// The receipt's address -----------------------------------------------------

const copy = $("[data-copy]");

if (copy && navigator.clipboard) {
  const source = $("[data-copy-source]");
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.value);
      copy.textContent = "Copied";
    } catch {
      source.select();
      copy.textContent = "Selected; press Ctrl+C";
    }
  });
}
