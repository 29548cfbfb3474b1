/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Progressive enhancement of pages with tracks: they play one after the other,
// in a bar at the bottom. Without it, each is a link to its file.

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

  // What plays: the tracks of the page on which it was started.
  let queue = [];
  let at = -1;

  // The current track doesn't go on, and where it stopped, in seconds.
  let hasFailed = false;
  let failedAt = 0;
  const isPlaying = () => !audio.paused && !hasFailed;

  // The smaller stream, where there is one that this browser plays.
  const playsOpus = audio.canPlayType('audio/ogg; codecs="opus"') !== "";
  const streamOf = (link) =>
    playsOpus && link.dataset.opus
      ? new URL(link.dataset.opus, location.href).href
      : link.href;

  // What was bought has several formats: the chosen one, if it is played here.
  const chosenFormat = () => {
    const select = $("[data-formats] select");
    if (select) return select.value;
    try {
      return localStorage.getItem("format");
    } catch {
      return null; // no storage
    }
  };
  const boughtSourceOf = (link) => {
    const found = JSON.parse(link.dataset.sources)
      .filter(([, type]) => audio.canPlayType(type) !== "")
      .map(([name]) => name);
    const chosen = chosenFormat();
    const name = found.includes(chosen) ? chosen : found[0];
    return name && name !== "original" ? `${link.href}?as=${name}` : link.href;
  };

  const sourceOf = (link) =>
    link.dataset.sources ? boughtSourceOf(link) : streamOf(link);

  // Links to what was bought are secret, and new each time: what they are
  // links to is remembered instead.
  const idOf = (link) => link.dataset.track ?? link.href;
  const placeOf = (link) =>
    link.dataset.track ? "purchases" : location.pathname;

  // A list of purchases may have a track twice.
  const isOf = (entry, link) =>
    entry?.id === idOf(link) && entry.order === link.dataset.order;
  const isCurrent = (link) => isOf(queue[at], link);

  const entryOf = (link) => ({
    id: idOf(link),
    order: link.dataset.order,
    src: sourceOf(link),
    title: link.dataset.title,
    waveform: link.dataset.waveform,
    lyrics: linesOf(link),
    lyricsPlace: link.dataset.lyrics,
    // Of what was bought they are requested when it plays.
    lyricsUrl: link.dataset.track && `${link.href}/lyrics`,
    page: location.pathname,
    place: placeOf(link),
    album: link.dataset.album ?? $("h1")?.textContent ?? "",
    artist: link.dataset.artist ?? $(".artist")?.textContent ?? "",
    artwork: coversOf(link).map((image) => ({
      src: image.currentSrc || image.src,
    })),
  });

  // The lines of a track that have times; a clip starts later than its track.
  const linesOf = (link) => {
    const { lyrics, start } = link.dataset;
    const place = lyrics && document.getElementById(lyrics);
    return (place ? $$("[data-start]", place) : []).map((line) => ({
      text: line.textContent,
      start: line.dataset.start - (start ?? 0),
      end: (line.dataset.end ?? Infinity) - (start ?? 0),
    }));
  };

  const coversOf = (link) => {
    const cover = link.closest(".bought") ?? $(".release-cover");
    return cover ? $$("img", cover) : [];
  };

  const clock = (seconds) => {
    const whole = Math.floor(seconds || 0);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  };

  // Where each page was left, so that it goes on there.
  const KEY = "listening";
  const MAX_PAGES = 50;

  const places = () => {
    try {
      return new Map(JSON.parse(localStorage.getItem(KEY)) ?? []);
    } catch {
      return new Map(); // no storage, or nothing that this script wrote
    }
  };

  // All of them were played: playing starts again from the first.
  const isOver = () => audio.ended && at === queue.length - 1;

  const keepPlace = () => {
    const entry = queue[at];
    if (!entry) return;
    const found = places();
    found.delete(entry.place);
    if (!isOver()) {
      found.set(entry.place, [entry.id, audio.ended ? 0 : audio.currentTime]);
    }
    try {
      localStorage.setItem(KEY, JSON.stringify([...found].slice(-MAX_PAGES)));
    } catch {
      // no storage: it starts from the beginning next time
    }
  };

  const mark = () => {
    toggle.textContent = isPlaying() ? texts.pause : texts.play;
    player.classList.toggle("has-failed", hasFailed);
    links().forEach((link) => {
      const plays = isCurrent(link) && isPlaying();
      link.hidden = false;
      link.setAttribute("role", "button");
      link.setAttribute("aria-pressed", plays);
    });
    $("[data-player-previous]", player).disabled = at <= 0;
    $("[data-player-next]", player).disabled = at >= queue.length - 1;
    const all = $("[data-play-all]");
    if (all) all.hidden = links().length === 0;
    linkTitle();
  };

  // The title leads to where it was started, unless that is this page.
  const linkTitle = () => {
    const page = queue[at]?.page;
    if (!page || page === location.pathname) title.removeAttribute("href");
    else title.href = page;
  };

  // For what is drawn while it plays.
  const announce = (entry) =>
    player.dispatchEvent(
      new CustomEvent("trackchange", { detail: { audio, ...entry } }),
    );

  const describe = (entry) => {
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = new MediaMetadata(entry);
  };

  const playAt = async (index, seconds = 0) => {
    const entry = queue[index];
    if (!entry) return;
    // After an error it is loaded again, and goes on where it was.
    const from = index === at ? seconds || failedAt : seconds;
    if (index !== at || audio.src !== entry.src || hasFailed) {
      if (index !== at) position.value = 0;
      at = index;
      hasFailed = false;
      failedAt = from;
      audio.src = entry.src;
      audio.currentTime = from;
      time.textContent = clock(from);
      describe(entry);
      announce(entry);
    }
    title.textContent = fill(texts.loading, entry);
    linkTitle();
    player.hidden = false;
    try {
      await audio.play();
      if (entry === queue[at] && !hasFailed) title.textContent = entry.title;
    } catch (error) {
      if (error.name === "AbortError" || entry !== queue[at]) return;
      // Until it is paused, an audio element that failed counts as playing.
      audio.pause();
      showError();
    }
  };

  const showError = () => {
    hasFailed = true;
    failedAt = audio.currentTime || failedAt;
    title.textContent = texts.unplayable;
    mark();
  };

  // It isn't paused by that, since it may go on by itself: over a connection
  // that is back, or in Firefox without a sound card, which is an error there.
  const hideError = () => {
    failedAt = 0;
    if (!hasFailed) return;
    hasFailed = false;
    title.textContent = queue[at].title;
    mark();
  };

  const playLink = (link, seconds) => {
    if (!isCurrent(link)) {
      queue = links().map(entryOf);
      at = -1;
    }
    const index = queue.findIndex((entry) => isOf(entry, link));
    playAt(index, seconds);
  };

  const playPage = () => {
    const [first] = links();
    if (!first) return;
    const place = places().get(placeOf(first));
    const [id, seconds] = Array.isArray(place) ? place : [];
    const left = links().find((link) => idOf(link) === id);
    if (left) playLink(left, Number(seconds) || 0);
    else playLink(first);
  };

  const resume = () => playAt(isOver() ? 0 : at);

  const step = (by) => {
    if (queue[at + by]) playAt(at + by);
    else mark();
  };

  const stop = () => {
    audio.pause();
    player.hidden = true;
    links().find(isCurrent)?.focus();
  };

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("[data-play-all]")) {
      if (queue[at]?.page === location.pathname) resume();
      else playPage();
    }
    const link = event.target.closest("[data-preview]");
    if (!link) return;
    event.preventDefault();
    if (isCurrent(link) && isPlaying()) audio.pause();
    else playLink(link);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !player.hidden) stop();
    const link = event.target.closest("[data-preview]");
    if (!link || event.key !== " ") return;
    event.preventDefault();
    link.click();
  });
  toggle.addEventListener("click", () => {
    if (isPlaying()) audio.pause();
    else resume();
  });
  $("[data-player-previous]", player).addEventListener("click", () => step(-1));
  $("[data-player-next]", player).addEventListener("click", () => step(1));
  $("[data-player-stop]", player).addEventListener("click", stop);
  audio.addEventListener("play", mark);
  audio.addEventListener("pause", () => {
    // It may have been paused before it played.
    if (!hasFailed && queue[at]) title.textContent = queue[at].title;
    mark();
    keepPlace();
  });
  audio.addEventListener("ended", () => step(1));
  audio.addEventListener("playing", hideError);
  audio.addEventListener("error", () => {
    // Not one of a source that was replaced meanwhile.
    if (audio.error && audio.src === queue[at]?.src) showError();
  });
  audio.addEventListener("stalled", () => {
    // In the middle of a track, with nothing left to play. At its start, the
    // browser or the store may just be slow.
    const isWaiting = audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    if (audio.readyState && isWaiting && !audio.paused) showError();
  });
  audio.addEventListener("timeupdate", () => {
    if (hasFailed && !audio.paused && audio.currentTime > failedAt) hideError();
    time.textContent = clock(audio.currentTime);
    position.value = (audio.currentTime / audio.duration || 0) * 1000;
    position.setAttribute(
      "aria-valuetext",
      fill(texts.position, {
        time: time.textContent,
        length: clock(audio.duration),
      }),
    );
  });

  // Seeking, by the bar and its keys: steps in seconds.
  const SECONDS = { Arrow: 5, Page: 30 };

  // Not known yet, or endless.
  const hasLength = () => Number.isFinite(audio.duration);

  const secondsOf = (key) => {
    const [, kind, way] = key.match(/^(Arrow|Page)(.+)$/) ?? [];
    if (!kind) return 0;
    const onward = document.documentElement.dir === "rtl" ? "Left" : "Right";
    return way === "Up" || way === onward ? SECONDS[kind] : -SECONDS[kind];
  };

  const seek = (seconds) => {
    audio.currentTime = seconds;
    // Not a sign that it goes on.
    if (hasFailed) failedAt = audio.currentTime;
  };

  position.addEventListener("input", () => {
    if (hasLength()) seek((position.value / 1000) * audio.duration);
  });
  position.addEventListener("keydown", (event) => {
    const seconds = secondsOf(event.key);
    if (!seconds || !hasLength()) return;
    event.preventDefault();
    const to = Math.max(0, audio.currentTime + seconds);
    seek(Math.min(to, audio.duration));
  });
  if ("mediaSession" in navigator) {
    const session = navigator.mediaSession;
    session.setActionHandler("nexttrack", () => step(1));
    session.setActionHandler("previoustrack", () => step(-1));
    session.setActionHandler("play", resume);
    session.setActionHandler("pause", () => audio.pause());
    session.setActionHandler("seekto", ({ seekTime }) => seek(seekTime));
  }
  addEventListener("pagehide", keepPlace);
  document.addEventListener("pagechange", mark);
  mark();

  // Going on to another page while it plays --------------------------------

  const BROWSED = /^\/(?:$|(?:catalog|artists|tags|pages)(?:\/|$))/;
  const REPLACED = [
    "link[rel=canonical]",
    "link[rel=alternate]",
    "meta[name=description]",
    "meta[name=robots]",
    "meta[property]",
  ].join();

  const loaded = (link) =>
    new Promise((resolve) => {
      link.addEventListener("load", resolve);
      link.addEventListener("error", resolve);
    });

  const addStyles = async (page) => {
    const known = new Set($$("link[rel=stylesheet]").map((link) => link.href));
    const added = $$("link[rel=stylesheet]", page)
      .map((link) => document.importNode(link))
      .filter((link) => !known.has(link.href));
    const waiting = added.map(loaded);
    // The theme stays the last of them.
    added.forEach((link) => $$("link[rel=stylesheet]").at(-1).before(link));
    await Promise.all(waiting);
  };

  // A script that runs here can't be run again in another version.
  const isOfAnotherVersion = (page) => {
    const here = new Map(
      $$("script[src]").map(({ src }) => [new URL(src).pathname, src]),
    );
    return $$("script[src]", page).some(
      ({ src }) => (here.get(new URL(src).pathname) ?? src) !== src,
    );
  };

  const addScripts = (page) => {
    const known = new Set($$("script[src]").map((script) => script.src));
    $$("script[src]", page).forEach(({ src }) => {
      if (known.has(src)) return;
      const script = document.createElement("script");
      script.src = src;
      document.head.append(script);
    });
  };

  const replace = (page) => {
    document.title = page.title;
    const { lang, dir } = page.documentElement;
    Object.assign(document.documentElement, { lang, dir });
    document.body.className = page.body.className;
    $$(REPLACED, document.head).forEach((element) => element.remove());
    document.head.append(...$$(REPLACED, page.head));
    const dock = player.parentNode;
    const bars = $$(".dock > :not(.player)", page);
    [...document.body.children].forEach((element) => {
      if (element !== dock) element.remove();
    });
    dock.replaceChildren(...bars, player);
    dock.before(
      ...[...page.body.children].filter(
        (element) => !element.matches(".dock, script"),
      ),
    );
  };

  // Of pages that are being loaded, the one that was asked for last is shown.
  let visits = 0;

  const visit = async (url, scroll) => {
    visits += 1;
    const number = visits;
    try {
      const response = await fetch(url, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(
        await response.text(),
        "text/html",
      );
      if (!response.ok || !$("main", page)) throw new Error(response.status);
      if (number !== visits) return;
      if (isOfAnotherVersion(page)) throw new Error("the store was updated");
      await addStyles(page);
      if (number !== visits) return;
      replace(page);
      addScripts(page);
    } catch {
      // The page itself says what is wrong.
      if (number === visits) location.assign(url);
      return;
    }
    scrollTo(0, scroll);
    $("main").focus({ preventScroll: true });
    document.dispatchEvent(new Event("pagechange"));
  };

  const isKept = () => !audio.paused && document.body.contains(player);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || !isPlainClick(event)) return;
    if (link.target || link.hasAttribute("download") || !isKept()) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !BROWSED.test(url.pathname)) return;
    if (url.hash) return;
    event.preventDefault();
    history.replaceState({ scroll: scrollY }, "");
    history.pushState({ scroll: 0 }, "", url);
    visit(url, 0);
  });
  addEventListener("popstate", (event) => {
    if (!event.state) return; // a place on the same page
    const isSwapped = isKept() && BROWSED.test(location.pathname);
    if (isSwapped) visit(location.href, event.state.scroll);
    else location.reload();
  });
}
