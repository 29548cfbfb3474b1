/* SPDX-FileCopyrightText: MSRV contributors
   SPDX-License-Identifier: AGPL-3.0-or-later */

// Passkeys of the studio: signing in with one, and adding one. Without it, the
// page says how to get a sign-in link.

"use strict";

{
  // Return the bytes of a text in base64url, and the other way round.
  const decode = (text) =>
    Uint8Array.from(
      atob(text.replaceAll("-", "+").replaceAll("_", "/")),
      (each) => each.charCodeAt(0),
    );
  const encode = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace(/=+$/, "");

  // Return the JSON of a response, or throw the store's own sentence.
  const post = async (address, fields) => {
    const response = await fetch(address, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(fields),
    });
    const found = await response.json();
    if (!response.ok) throw Object.assign(new Error(), { said: found.message });
    return found;
  };

  // Return what the browser makes of the store's options: a new passkey.
  const create = async (options, fields) => {
    const { id, response } = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: decode(options.challenge),
        user: { ...options.user, id: decode(options.user.id) },
        excludeCredentials: options.excludeCredentials.map((each) => ({
          ...each,
          id: decode(each.id),
        })),
      },
    });
    return {
      ...fields,
      id,
      client_data: encode(response.clientDataJSON),
      attestation: encode(response.attestationObject),
      transports: (response.getTransports?.() ?? []).join(" "),
    };
  };

  // Return the response of a passkey that is there.
  const get = async (options) => {
    const { id, response } = await navigator.credentials.get({
      publicKey: {
        challenge: decode(options.challenge),
        rpId: options.rpId,
        timeout: options.timeout,
        userVerification: options.userVerification,
      },
    });
    return {
      id,
      client_data: encode(response.clientDataJSON),
      authenticator_data: encode(response.authenticatorData),
      signature: encode(response.signature),
      user_handle: response.userHandle ? encode(response.userHandle) : "",
    };
  };

  const form = document.querySelector("[data-passkey]");
  if (form && window.PublicKeyCredential && navigator.credentials) {
    const said = form.querySelector("[role=alert]");
    const button = form.querySelector("button");
    const texts = form.dataset;

    // Return the sentence for an error. A browser doesn't tell whether a
    // person cancelled, or there is no passkey: that would reveal it.
    const sentence = (error, seconds, timeout) => {
      if (error.said) return error.said;
      if (error instanceof TypeError || error instanceof SyntaxError) {
        return texts.unreachable;
      }
      if (error.name === "NotAllowedError" && seconds * 1000 >= timeout) {
        return texts.timedOut;
      }
      const names = {
        InvalidStateError: texts.exists,
        NotAllowedError: texts.refused,
        AbortError: texts.refused,
        SecurityError: texts.elsewhere,
      };
      return names[error.name] ?? texts.unsupported;
    };

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      said.textContent = "";
      let began = performance.now();
      let timeout = Infinity;
      try {
        const options = await post(texts.options, {});
        began = performance.now();
        timeout = options.timeout;
        const fields = Object.fromEntries(new FormData(form));
        const run = texts.passkey === "add" ? create : get;
        await post(form.action, await run(options, fields));
        location.replace(texts.next);
      } catch (error) {
        const seconds = (performance.now() - began) / 1000;
        said.textContent = sentence(error, seconds, timeout);
        button.disabled = false;
        button.focus();
      }
    });

    form.hidden = false;
    for (const each of document.querySelectorAll("[data-without-passkeys]")) {
      each.hidden = true;
    }
  }
}
