// SPDX-FileCopyrightText: MSRV contributors
// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Names the files of MSRV_CDN=cloudfront; see docs/cdn.md.
//
// A function of CloudFront (runtime cloudfront-js-2.0), for the event "viewer
// response". CloudFront has verified the address before.

function handler(event) {
  const disposition = event.request.querystring.disposition;
  if (disposition && event.response.statusCode < 300) {
    event.response.headers["content-disposition"] = {
      value: Buffer.from(disposition.value, "base64url").toString(),
    };
  }
  return event.response;
}
