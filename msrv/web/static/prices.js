/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Totals that follow the prices that a buyer types. Without it, a button
// updates them.

"use strict";

{
  // Return a typed amount in minor units, null for anything else.
  const parse = (text, decimals) => {
    const found = /^(\d{1,9})(?:[.,](\d*))?$/.exec(
      text.replace(/[^\d.,]/gu, ""),
    );
    const part = found?.[2] ?? "";
    if (!found || part.length > decimals) return null;
    return Number(found[1] + part.padEnd(decimals, "0"));
  };

  document.addEventListener("input", (event) => {
    const group = event.target.closest("[data-sum]");
    if (!group) return;
    const { sum, currency, locale } = group.dataset;
    const decimals = Number(group.dataset.decimals);
    const { format } = new Intl.NumberFormat(locale, {
      style: "currency",
      currency,
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    const write = (place, minor) => {
      if (place) place.textContent = format(minor / 10 ** decimals);
    };
    let total = Number(sum);
    for (const field of group.querySelectorAll("[data-minor]")) {
      const minor = parse(field.value, decimals);
      if (minor === null) return; // the last total that was right stays
      total += minor - Number(field.dataset.minor);
      write(field.closest("li").querySelector(".price"), minor);
    }
    write(group.querySelector(".total .price"), total);
  });
}
