/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Receipts and gifts, which work without it: buttons that copy and share their
// address, and the format that was chosen last on this device.

"use strict";

{
  const query = new URLSearchParams(location.search);
  const source = document.querySelector("[data-copy-source]");
  const copy = document.querySelector("[data-copy]");
  const share = document.querySelector("[data-share-address]");

  if (copy && navigator.clipboard) {
    const said = document.querySelector("[data-copied]");
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.value);
        said.textContent = said.dataset.copied;
      } catch {
        source.select();
        said.textContent = said.dataset.selected;
      }
    });
  }

  if (share && navigator.share) {
    share.hidden = false;
    share.addEventListener("click", () => {
      navigator
        .share({ title: document.title, url: source.value })
        .catch(() => {}); // closed without choosing
    });
  }

  const print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }

  if (document.querySelector(".mailed")) {
    // A reload, or the address in a bookmark, doesn't download or say so again.
    const rest = new URLSearchParams(query);
    ["mailed", "mail_wait", "start"].forEach((name) => rest.delete(name));
    const kept = rest.toString();
    history.replaceState(null, "", location.pathname + (kept && `?${kept}`));
  }

  const formats = document.querySelector("[data-formats]");
  if (formats) {
    const select = formats.querySelector("select");
    const options = [...select.options];
    const remembered = () => {
      try {
        return localStorage.getItem("format");
      } catch {
        return null; // storage is switched off
      }
    };
    formats.addEventListener("submit", () => {
      try {
        localStorage.setItem("format", select.value);
      } catch {
        // The choice is for this page, then.
      }
    });
    const last = remembered();
    if (query.get("as") === null && options.some((each) => each.value === last)) {
      // Not from the page that answers a form: that would lose its message.
      const isOwn = new URL(formats.action).pathname === location.pathname;
      if (last !== select.value && isOwn) {
        query.set("as", last);
        location.replace(`?${query}`);
      }
    } else if (query.get("as") === null) {
      const player = document.createElement("audio");
      const plays = (each) => player.canPlayType(each.dataset.type) !== "";
      const better = plays(options[0]) ? null : options.find(plays);
      if (better) {
        select.value = better.value;
        formats.querySelector("[data-format-hint]").hidden = false;
      }
    }
  }
}
