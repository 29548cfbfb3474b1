// SPDX-FileCopyrightText: MSRV contributors
// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Verifies the addresses of MSRV_CDN=cloudflare; see docs/cdn.md.
//
// A Worker on the route of the host in MSRV_CDN, whose origin is the bucket.
// Its variable STORE is the store's address, like https://shop.example, and
// its secret KEYS the output of `msrv cdn keys --json`, or
// {"any": "MSRV_CDN_KEY"}.

const LONGEST_SECONDS = 24 * 3600;
const ADDRESS = /^(.+)&verify=([0-9]{10})-([A-Za-z0-9_-]{43})$/;

const refused = () => new Response("Forbidden\n", { status: 403 });

const decode = (base64url) =>
  atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));

const isSigned = async (text, mac, key) => {
  const encoder = new TextEncoder();
  const imported = await crypto.subtle.importKey(
    "raw",
    encoder.encode(key),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const bytes = Uint8Array.from(decode(mac), (letter) => letter.charCodeAt(0));
  return crypto.subtle.verify("HMAC", imported, bytes, encoder.encode(text));
};

const linkOf = (query, store) => {
  const path = ["pop", "poe", "item"].map((name) => query.get(name)).join("/");
  const format = query.has("as") ? `?as=${query.get("as")}` : "";
  return `${store}/download/${path}${format}`;
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const found = ADDRESS.exec(url.pathname + url.search);
    if (!found || !["GET", "HEAD"].includes(request.method)) return refused();
    const [, signed, issued, mac] = found;
    const ends = Number(issued) + LONGEST_SECONDS;
    const keys = JSON.parse(env.KEYS);
    const month = new Date(ends * 1000).toISOString().slice(0, 7);
    const known = [keys[month], keys.any].filter(Boolean);
    const checks = known.map((key) => isSigned(signed + issued, mac, key));
    if (!(await Promise.all(checks)).includes(true)) return refused();
    if (Date.now() >= ends * 1000) {
      return new Response(null, {
        status: 307,
        headers: {
          Location: linkOf(url.searchParams, env.STORE),
          "Cache-Control": "no-store",
          "Referrer-Policy": "no-referrer",
        },
      });
    }
    // Without the query, so that the cache has one copy of each file.
    const response = await fetch(new Request(url.origin + url.pathname, request));
    const sent = new Response(response.body, response);
    const disposition = url.searchParams.get("disposition");
    if (response.ok && disposition) {
      sent.headers.set("Content-Disposition", decode(disposition));
    }
    return sent;
  },
};
