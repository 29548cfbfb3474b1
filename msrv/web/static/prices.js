/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Totals that follow the prices that a buyer types. Without it, a button
// updates them.

"use strict";

{
  const isDigit = (code) => /\p{Nd}/u.test(String.fromCodePoint(code));

  // The digits of each script follow each other, from zero to nine.
  const digit = (text) => {
    const code = text.codePointAt(0);
    let first = code;
    while (isDigit(first - 1)) first -= 1;
    return (code - first) % 10;
  };

  // Return a typed amount in minor units, null for what the store refuses:
  // its rules are those of `parse_typed` in msrv/money.py.
  const parse = (text, decimals, symbols) => {
    let plain = text
      .replace(/\s/g, "")
      .replace(/\p{Nd}/gu, digit)
      .replace(/[,\u066b]/g, ".");
    for (const each of symbols) {
      if (plain.startsWith(each)) plain = plain.slice(each.length);
      if (plain.endsWith(each)) plain = plain.slice(0, -each.length);
    }
    const found = /^(?=.)0*(\d{0,9})(?:\.(\d+))?$/.exec(plain);
    const part = found?.[2] ?? "";
    if (!found || part.length > decimals) return null;
    return Number(found[1] + part.padEnd(decimals, "0"));
  };

  document.addEventListener("input", (event) => {
    const group = event.target.closest("[data-sum]");
    if (!group) return;
    const { sum, currency, symbol, locale } = group.dataset;
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
      const minor = parse(field.value, decimals, [symbol, currency]);
      if (minor === null) return; // the last total that was right stays
      total += minor - Number(field.dataset.minor);
      write(field.closest("li").querySelector(".price"), minor);
    }
    write(group.querySelector(".total .price"), total);
  });
}
