# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Verifies the addresses of MSRV_CDN=fastly; see docs/cdn.md.
#
# A snippet of the type `init` of a service whose backend is the bucket, and
# three more: `call msrv_recv;` of the type `recv`, `call msrv_error;` of
# `error`, `call msrv_deliver;` of `deliver`. The dictionary `msrv_keys` has
# the output of `msrv cdn keys`, 2026-11 and its key and so on; or the key
# `any` and MSRV_CDN_KEY. Replace https://shop.example by your store.

sub msrv_recv {
  declare local var.signed STRING;
  declare local var.ends STRING;
  declare local var.mac STRING;
  declare local var.key STRING;
  declare local var.any STRING;
  declare local var.disposition STRING;

  # Once for each request: not again at a shield, nor after a restart.
  if (fastly.ff.visits_this_service == 0 && req.restarts == 0) {
    unset req.http.MSRV-Link;
    unset req.http.MSRV-Disposition;
    if (req.url !~ "^([^?]+\?[^?]+)&token=([0-9]{10})_([0-9a-f]{64})$") {
      error 403 "Forbidden";
    }
    set var.signed = re.group.1;
    set var.ends = re.group.2;
    set var.mac = re.group.3;
    set var.key = table.lookup(msrv_keys,
      strftime({"%Y-%m"}, std.integer2time(std.atoi(var.ends))), "");
    set var.any = table.lookup(msrv_keys, "any", "");
    # Without a key, anybody could sign.
    if ((var.key == "" || !digest.secure_is_equal(
          digest.hmac_sha256(var.key, var.signed var.ends), "0x" var.mac)) &&
        (var.any == "" || !digest.secure_is_equal(
          digest.hmac_sha256(var.any, var.signed var.ends), "0x" var.mac))) {
      error 403 "Forbidden";
    }
    if (!time.is_after(std.integer2time(std.atoi(var.ends)), now)) {
      set req.http.MSRV-Link = "https://shop.example/download/"
        subfield(req.url.qs, "pop", "&") "/"
        subfield(req.url.qs, "poe", "&") "/"
        subfield(req.url.qs, "item", "&");
      if (subfield(req.url.qs, "as", "&")) {
        set req.http.MSRV-Link = req.http.MSRV-Link
          "?as=" subfield(req.url.qs, "as", "&");
      }
      error 618 "Ended";
    }
    set var.disposition = subfield(req.url.qs, "disposition", "&");
    set req.http.MSRV-Disposition = digest.base64url_nopad_decode(var.disposition);
    # One copy in the cache for all addresses of a file.
    set req.url = req.url.path;
  }
  set req.enable_segmented_caching = true;
}

sub msrv_error {
  if (obj.status == 618) {
    set obj.status = 307;
    set obj.response = "Temporary Redirect";
    set obj.http.Location = req.http.MSRV-Link;
    set obj.http.Cache-Control = "no-store";
    set obj.http.Referrer-Policy = "no-referrer";
    synthetic {""};
  }
}

sub msrv_deliver {
  if (req.http.MSRV-Disposition ~ "." && resp.status < 300) {
    set resp.http.Content-Disposition = req.http.MSRV-Disposition;
  }
}
