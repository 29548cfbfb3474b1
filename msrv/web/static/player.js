/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Progressive enhancement of a release's page: previews play one after the
// other, in a bar at the bottom. Without it, each is a link to its file.

"use strict";

const player = $("[data-player]");

if (player) {
  const texts = player.dataset;
  const audio = new Audio();
  audio.preload = "none";
  const toggle = $("[data-player-toggle]", player);
  const title = $("[data-player-title]", player);
  const time = $("[data-player-time]", player);
  const position = $("[data-player-progress]", player);
  const links = () => $$("[data-preview]");
  let current = null;

  const clock = (seconds) => {
    const whole = Math.floor(seconds || 0);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  };
  const mark = () => {
    toggle.textContent = audio.paused ? texts.play : texts.pause;
    links().forEach((link) => {
      link.setAttribute("role", "button");
      link.setAttribute("aria-pressed", link === current && !audio.paused);
    });
  };
  const stop = () => {
    audio.pause();
    player.hidden = true;
    current?.focus();
  };
  const describe = () => {
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = new MediaMetadata({
      title: current.dataset.title,
      album: $("h1").textContent,
      artist: $(".artist")?.textContent ?? "",
      artwork: $$(".release-cover img").map((image) => ({
        src: image.currentSrc || image.src,
      })),
    });
  };
  const play = async (link) => {
    if (link !== current) {
      current = link;
      audio.src = link.href;
      position.value = 0;
      time.textContent = clock(0);
      describe();
    }
    title.textContent = fill(texts.loading, link.dataset);
    player.hidden = false;
    try {
      await audio.play();
      if (link === current) title.textContent = link.dataset.title;
    } catch (error) {
      if (error.name === "AbortError" || link !== current) return;
      title.textContent = texts.unplayable;
      mark();
    }
  };
  const step = (by) => {
    const next = links()[links().indexOf(current) + by];
    if (next) play(next);
    else mark();
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-preview]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link === current && !audio.paused) audio.pause();
    else play(link);
  });
  document.addEventListener("keydown", (event) => {
    const link = event.target.closest("[data-preview]");
    if (!link || event.key !== " ") return;
    event.preventDefault();
    link.click();
  });
  mark();
  const all = $("[data-play-all]");
  if (all) {
    all.hidden = false;
    all.addEventListener("click", () => play(current ?? links()[0]));
  }
  toggle.addEventListener("click", () => {
    if (audio.paused) play(current);
    else audio.pause();
  });
  $("[data-player-stop]", player).addEventListener("click", stop);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !player.hidden) stop();
  });
  audio.addEventListener("play", mark);
  audio.addEventListener("pause", mark);
  audio.addEventListener("ended", () => step(1));
  audio.addEventListener("timeupdate", () => {
    time.textContent = clock(audio.currentTime);
    position.value = (audio.currentTime / audio.duration || 0) * 1000;
  });
  position.addEventListener("input", () => {
    if (audio.duration) {
      audio.currentTime = (position.value / 1000) * audio.duration;
    }
  });
  if ("mediaSession" in navigator) {
    navigator.mediaSession.setActionHandler("nexttrack", () => step(1));
    navigator.mediaSession.setActionHandler("previoustrack", () => step(-1));
  }
}
