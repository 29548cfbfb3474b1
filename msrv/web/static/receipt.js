/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Buttons of receipts and gifts, which work without it: copy and share their
// address.

"use strict";

{
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
    history.replaceState(null, "", location.pathname);
  }
}
