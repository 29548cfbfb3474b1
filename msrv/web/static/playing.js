/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Progressive enhancement of the player: the waveform of what plays, behind
// the bar that seeks in it, and the line of its lyrics that is being sung.
// Without a waveform, the bar is the browser's own.

"use strict";

{
  const player = $("[data-player]");

  // Waveform ----------------------------------------------------------------

  const drawWaveforms = (place, position) => {
    let shown = null;

    const showPlayed = () => {
      place.style.setProperty("--played", `${position.value / 10}%`);
    };

    const show = (url) => {
      place.style.setProperty("-webkit-mask-image", `url("${url}")`);
      place.style.setProperty("mask-image", `url("${url}")`);
      place.hidden = false;
      player.classList.add("has-waveform");
      showPlayed();
    };

    player.addEventListener("trackchange", ({ detail: { audio, waveform } }) => {
      shown = waveform;
      place.hidden = true;
      player.classList.remove("has-waveform");
      if (!waveform) return;
      const image = new Image();
      image.addEventListener("load", () => {
        if (shown === waveform) show(image.src);
      });
      image.src = waveform;
      audio.addEventListener("timeupdate", showPlayed);
    });
    position.addEventListener("input", showPlayed);
  };

  // Lyrics ------------------------------------------------------------------

  const markLyrics = (place) => {
    let track = null;
    let current = -1;

    const lineAt = (seconds) =>
      track.lyrics.findIndex(({ start, end }) => start <= seconds && seconds < end);

    // On the page of the track, if that is the one that is open.
    const markOnPage = () => {
      $$(".lyrics [aria-current]").forEach((line) =>
        line.removeAttribute("aria-current"),
      );
      const lyrics = document.getElementById(track?.lyricsPlace);
      if (!lyrics || current < 0) return;
      $$("[data-start]", lyrics)[current]?.setAttribute("aria-current", "true");
    };

    const show = () => {
      const found = lineAt(track.audio.currentTime);
      if (found === current) return;
      current = found;
      place.textContent = track.lyrics[current]?.text ?? "";
      markOnPage();
    };

    player.addEventListener("trackchange", ({ detail }) => {
      track = detail;
      current = -1;
      place.hidden = track.lyrics.length === 0;
      place.textContent = "";
      markOnPage();
      track.audio.addEventListener("timeupdate", show);
    });
    document.addEventListener("pagechange", markOnPage);
  };

  if (player) {
    drawWaveforms(
      $("[data-player-waveform]", player),
      $("[data-player-progress]", player),
    );
    markLyrics($("[data-player-lyrics]", player));
  }
}
