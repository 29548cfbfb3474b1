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

    // Not as a mask: browsers send the address of the page, which on a receipt
    // is secret, with requests for pictures of a style.
    const polygonOf = (svg) => {
      const [, width, height] = svg.match(/ viewBox="0 0 (\d+) (\d+)"/);
      const [, path] = svg.match(/ d="M([^"]+)z"/);
      const points = [...path.matchAll(/(\d+) (\d+)/g)].map(
        ([, x, y]) => `${(100 * x) / width}% ${(100 * y) / height}%`,
      );
      return `polygon(${points.join()})`;
    };

    const load = async (url) => {
      try {
        const response = await fetch(url);
        return response.ok ? polygonOf(await response.text()) : null;
      } catch {
        return null; // no connection, or another picture
      }
    };

    const show = (polygon) => {
      place.style.setProperty("clip-path", polygon);
      place.hidden = false;
      player.classList.add("has-waveform");
      showPlayed();
    };

    player.addEventListener("trackchange", async ({ detail }) => {
      const { audio, waveform } = detail;
      shown = detail;
      place.hidden = true;
      player.classList.remove("has-waveform");
      audio.addEventListener("timeupdate", showPlayed);
      const polygon = waveform && (await load(waveform));
      if (polygon && shown === detail) show(polygon);
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

    // Each line is sung until the next one that has a time.
    const linesOf = ({ lyrics, lyrics_times: times }) => {
      if (!lyrics || !times) return [];
      const known = times.filter((time) => time !== null);
      return lyrics.split("\n").flatMap((text, at) => {
        const start = times[at] ?? null;
        if (start === null || !text) return [];
        return [{ text, start, end: known.find((time) => time > start) ?? Infinity }];
      });
    };

    // By the item, as its links are new each time.
    const loaded = new Map();

    const load = async (item, url) => {
      try {
        const headers = { Accept: "application/json" };
        const response = await fetch(url, { headers });
        if (response.ok) loaded.set(item, linesOf(await response.json()));
      } catch {
        // No connection: it plays without them.
      }
    };

    const begin = () => {
      current = -1;
      place.hidden = track.lyrics.length === 0;
      place.textContent = "";
      markOnPage();
    };

    player.addEventListener("trackchange", async ({ detail }) => {
      track = detail;
      begin();
      track.audio.addEventListener("timeupdate", show);
      if (!detail.lyricsUrl) return;
      if (!loaded.has(detail.id)) await load(detail.id, detail.lyricsUrl);
      if (track !== detail || !loaded.has(detail.id)) return;
      track.lyrics = loaded.get(detail.id);
      begin();
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
