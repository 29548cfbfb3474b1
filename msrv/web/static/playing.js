/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Progressive enhancement of the player: the waveform of what plays, behind
// the bar that seeks in it. Without one, the bar is the browser's own.

"use strict";

{
  const player = $("[data-player]");
  const place = player && $("[data-player-waveform]", player);
  const position = player && $("[data-player-progress]", player);
  let shown = null;

  const showPlayed = () => {
    place.style.setProperty("--played", `${position.value / 10}%`);
  };

  const hideWaveform = () => {
    place.hidden = true;
    player.classList.remove("has-waveform");
  };

  const showWaveform = ({ audio, waveform }) => {
    shown = waveform;
    hideWaveform();
    if (!waveform) return;
    const image = new Image();
    image.addEventListener("load", () => {
      if (shown !== waveform) return; // another track plays
      place.style.setProperty("-webkit-mask-image", `url("${image.src}")`);
      place.style.setProperty("mask-image", `url("${image.src}")`);
      place.hidden = false;
      player.classList.add("has-waveform");
      showPlayed();
    });
    image.src = waveform;
    audio.addEventListener("timeupdate", showPlayed);
  };

  if (player) {
    player.addEventListener("trackchange", ({ detail }) => {
      showWaveform(detail);
    });
    position.addEventListener("input", showPlayed);
  }
}
