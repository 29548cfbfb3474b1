/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// The purchases of this device: receipts that were opened in this browser,
// kept in it alone. A receipt's page adds itself, and /library lists them.

"use strict";

{
  const KEY = "purchases";
  const FORMAT = "msrv-purchases";
  const PATH = /^\/purchases\/[\w.-]{40,8000}(\?gift=1)?$/;
  const MAX_PURCHASES = 1000;

  const isPurchase = (each) =>
    typeof each === "object" &&
    each !== null &&
    PATH.test(each.receipt) &&
    typeof each.order === "string" &&
    Number.isFinite(each.issued_at) &&
    Array.isArray(each.titles) &&
    typeof each.files === "object" &&
    each.files !== null;

  const load = () => {
    try {
      const found = JSON.parse(localStorage.getItem(KEY));
      return Array.isArray(found) ? found.filter(isPurchase) : [];
    } catch {
      return []; // no storage, or nothing that this script wrote
    }
  };

  const save = (purchases) => {
    try {
      localStorage.setItem(KEY, JSON.stringify(purchases));
      return true;
    } catch {
      return false; // no storage, or a full one
    }
  };

  const newest = (purchases) =>
    purchases
      .sort(
        (one, other) =>
          other.issued_at - one.issued_at ||
          // In one second: always in the same order, also after Undo.
          (one.receipt < other.receipt ? -1 : 1),
      )
      .slice(0, MAX_PURCHASES);

  // The receipt of a known order is the one that was opened last. `files`
  // stays as it was: what differs is new.
  const addOpened = (purchase) => {
    const held = load();
    const known = held.find((each) => each.order === purchase.order);
    const files = known?.files ?? purchase.files;
    const others = held.filter((each) => each !== known);
    return save(newest([...others, { ...purchase, files }]));
  };

  // The number of orders that were added, null without storage. A known
  // order stays: a file may be old, and its receipts may have ended.
  const addImported = (imported) => {
    const held = load();
    const found = new Map();
    for (const each of [...held, ...imported]) {
      if (!found.has(each.order)) found.set(each.order, each);
    }
    const known = new Set(held.map((each) => each.order));
    const kept = newest([...found.values()]);
    if (!save(kept)) return null;
    return kept.filter((each) => !known.has(each.order)).length;
  };

  const forget = (order) =>
    save(load().filter((each) => each.order !== order));

  // What was downloaded isn't new any more.
  const see = (order, files) => {
    const purchases = load();
    const purchase = purchases.find((each) => each.order === order);
    if (purchase) {
      Object.assign(purchase.files, files);
      save(purchases);
    }
  };

  // Once its link has expired, the store's answer is a page that says so. A
  // browser shows it only without the attribute.
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest("a[download]");
      const expires = link?.closest("[data-expires]")?.dataset.expires;
      if (Date.now() > expires * 1000) link.removeAttribute("download");
    },
    true,
  );

  // A receipt's page --------------------------------------------------------

  const opened = $("[data-purchase]");

  if (opened) {
    const purchase = JSON.parse(opened.dataset.purchase);
    const kept = $("[data-purchase-kept]");
    const seen = load().find((each) => each.order === purchase.order)?.files;
    for (const mark of seen ? opened.querySelectorAll("[data-mark]") : []) {
      const item = mark.dataset.mark;
      if (purchase.files[item] && seen[item] !== purchase.files[item]) {
        mark.textContent = opened.dataset[seen[item] ? "changed" : "new"];
        mark.hidden = false;
        // The list of a release's files, which is closed at first.
        mark.closest("details")?.setAttribute("open", "");
      }
    }
    if (addOpened(purchase) && kept) kept.hidden = false;
    document.addEventListener("click", (event) => {
      const row = event.target.closest("a[download]")?.closest("li");
      const marks = row ? row.querySelectorAll("[data-mark]") : [];
      const files = {};
      for (const mark of marks) {
        const item = mark.dataset.mark;
        if (purchase.files[item]) files[item] = purchase.files[item];
        mark.hidden = true;
      }
      see(purchase.order, files);
    });
  }

  // The list ----------------------------------------------------------------

  const library = $("[data-library]");

  const sizeText = (bytes) => {
    const units = ["kilobyte", "megabyte", "gigabyte", "terabyte"];
    let value = bytes / 1000;
    while (value >= 999.5 && units.length > 1) {
      value /= 1000;
      units.shift();
    }
    return new Intl.NumberFormat(document.documentElement.lang, {
      style: "unit",
      unit: units[0],
      maximumFractionDigits: value < 99.5 ? 1 : 0,
    }).format(value);
  };

  const copyOf = (name) =>
    $(`template[data-${name}]`).content.firstElementChild.cloneNode(true);

  const label = (element, name, title) => {
    element.setAttribute("aria-label", fill(element.dataset[name], { title }));
  };

  function fileRow(file, purchase) {
    const row = copyOf("file");
    $("[data-title]", row).textContent = file.title;
    const size = $("[data-size]", row);
    size.textContent = file.size_bytes ? sizeText(file.size_bytes) : "";
    const link = $("a[download]", row);
    link.href = new URL(file.download, location.origin).pathname;
    label(link, "label", file.title);
    const known = purchase.files[file.item_id];
    const seen = file.sha256?.slice(0, 16);
    const mark = $("[data-mark]", row);
    if (seen && known !== seen) {
      mark.textContent = known ? library.dataset.changed : library.dataset.new;
      mark.hidden = false;
    }
    link.addEventListener("click", () => {
      if (seen) see(purchase.order, { [file.item_id]: seen });
      mark.hidden = true;
    });
    const play = $("[data-preview]", row);
    if (file.media_type?.startsWith("audio/")) {
      play.href = link.href;
      play.dataset.track = file.item_id;
      play.dataset.order = purchase.order;
      play.dataset.title = file.title;
      play.dataset.sources = JSON.stringify(
        file.formats.map((each) => [each.format, each.player_type]),
      );
      if (file.waveform) {
        play.dataset.waveform = new URL(file.waveform).pathname;
      }
      label(play, "label", file.title);
      play.hidden = false;
    } else {
      play.remove();
    }
    return row;
  }

  function showItem(place, item, purchase) {
    if (item.refunded || !item.available) {
      const note = copyOf("note");
      $("[data-title]", note).textContent = item.title;
      $("[data-note]", note).textContent =
        library.dataset[item.refunded ? item.ended ?? "unknown" : "gone"];
      place.append(note);
      return;
    }
    const row = fileRow(item, purchase);
    place.append(row);
    if (!item.parts?.length) return;
    const parts = copyOf("parts");
    const list = $("ul", parts);
    list.append(...item.parts.map((part) => fileRow(part, purchase)));
    $("details", parts).open = Boolean($("[data-mark]:not([hidden])", list));
    $("a[download]", row).addEventListener("click", () => {
      const seen = item.parts.map((part) => [
        part.item_id,
        part.sha256.slice(0, 16),
      ]);
      see(purchase.order, Object.fromEntries(seen));
      $$("[data-mark]", list).forEach((mark) => (mark.hidden = true));
    });
    place.append(parts);
  }

  async function showFiles(row, purchase) {
    const state = $("[data-state]", row);
    const place = $("[data-files]", row);
    if (row.dataset.requested) return; // before it was forgotten
    row.dataset.requested = "1";
    try {
      const response = await fetch(purchase.receipt, {
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout?.(15_000),
      });
      if (!response.ok) {
        // Any other answer, such as 429, may be a better one later.
        const isInvalid = [404, 410].includes(response.status);
        state.textContent = library.dataset[isInvalid ? "invalid" : "away"];
        return;
      }
      const receipt = await response.json();
      row.dataset.expires = receipt.links_expire_at;
      receipt.items.forEach((item) => showItem(place, item, purchase));
      state.remove();
    } catch {
      state.textContent = library.dataset.away;
    }
  }

  const showWhetherEmpty = (count) => {
    $("[data-library-empty]").hidden = count > 0;
    $("[data-library-full]").hidden = count === 0;
  };

  // Until the next one is forgotten, or the page is left.
  function offerUndo(row, purchase, title) {
    const next = row.nextElementSibling;
    const list = row.parentElement;
    row.remove();
    say(fill(library.dataset.forgotten, { title }));
    const undo = $("[data-undo]");
    undo.hidden = false;
    undo.focus();
    undo.onclick = () => {
      addImported([purchase]);
      list.insertBefore(row, next?.isConnected ? next : null);
      showWhetherEmpty(load().length);
      say("");
      $("[data-receipt]", row).focus();
      showFiles(row, purchase);
    };
  }

  function say(text) {
    $("[data-library-status]").textContent = text;
    $("[data-undo]").hidden = true;
  }

  async function showAll() {
    const list = $("[data-library-list]");
    const purchases = load();
    list.replaceChildren();
    showWhetherEmpty(purchases.length);
    const shown = purchases.map((purchase) => {
      const row = copyOf("purchase-row");
      const titles = purchase.titles.map(String).join(", ");
      const link = $("[data-receipt]", row);
      link.href = purchase.receipt;
      link.textContent = titles;
      $("[data-date]", row).textContent = new Date(
        purchase.issued_at * 1000,
      ).toLocaleDateString(document.documentElement.lang, {
        dateStyle: "long",
      });
      const button = $("[data-forget]", row);
      label(button, "label", titles);
      button.addEventListener("click", () => {
        const kept = load().find((each) => each.order === purchase.order);
        forget(purchase.order);
        offerUndo(row, kept ?? purchase, titles);
        showWhetherEmpty(load().length);
      });
      list.append(row);
      return [row, purchase];
    });
    // One after the other: there may be hundreds. Rows that were forgotten,
    // or replaced when the list was shown again, are left out.
    for (const [row, purchase] of shown) {
      if (row.isConnected) await showFiles(row, purchase);
    }
  }

  async function importFile(file) {
    try {
      const found = JSON.parse(await file.text());
      if (found.format !== FORMAT) throw new TypeError("another format");
      const count = addImported(found.purchases.filter(isPurchase));
      const { imported, unstored } = library.dataset;
      say(count === null ? unstored : fill(imported, { count }));
    } catch {
      say(library.dataset.unreadable);
    }
    await showAll();
  }

  if (library) {
    library.hidden = false;
    $("[data-needs-scripts]").hidden = true;
    $("[data-export]").addEventListener("click", () => {
      const text = JSON.stringify(
        { format: FORMAT, version: 1, purchases: load() },
        null,
        1,
      );
      const link = document.createElement("a");
      link.href = URL.createObjectURL(
        new Blob([text], { type: "application/json" }),
      );
      link.download = "purchases.json";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    });
    $("[data-import]").addEventListener("change", (event) => {
      const [file] = event.target.files;
      event.target.value = "";
      if (file) importFile(file);
    });
    showAll();
  }
}
