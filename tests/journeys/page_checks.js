// SPDX-FileCopyrightText: MSRV contributors
// SPDX-License-Identifier: AGPL-3.0-or-later

// Checks that run in a page; page_checks.py says what each is for.

({
  lowContrast() {
    const parse = (text) => {
      const [red, green, blue, alpha = 1] = text
        .match(/[\d.]+(?:e-?\d+)?/g)
        .map(Number);
      const scale = text.startsWith("color(") ? 1 : 255;
      return [red / scale, green / scale, blue / scale, alpha];
    };
    const over = ([red, green, blue, alpha], below) =>
      [red, green, blue].map(
        (part, at) => part * alpha + below[at] * (1 - alpha),
      );
    const luminance = (colour) => {
      const [red, green, blue] = colour.map((part) =>
        part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ground = (element) => {
      const layers = [];
      for (let each = element; each; each = each.parentElement) {
        layers.unshift(parse(getComputedStyle(each).backgroundColor));
      }
      return layers.reduce((below, layer) => over(layer, below), [1, 1, 1]);
    };
    const wrong = [];
    let seen = 0;
    const texts = document.createTreeWalker(
      document.body,
      NodeFilter.SHOW_TEXT,
    );
    while (texts.nextNode()) {
      const text = texts.currentNode.data.trim();
      const element = texts.currentNode.parentElement;
      const box = element.getBoundingClientRect();
      if (
        !text ||
        element.closest("[aria-hidden=true], script, style, svg, picture") ||
        !element.checkVisibility() ||
        box.width < 2
      ) {
        continue;
      }
      seen += 1;
      const style = getComputedStyle(element);
      const below = ground(element);
      const colour = over(parse(style.color), below);
      const levels = [luminance(colour), luminance(below)];
      const ratio =
        (Math.max(...levels) + 0.05) / (Math.min(...levels) + 0.05);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
      if (ratio < (isLarge ? 3 : 4.5)) {
        wrong.push(`${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
      }
    }
    return seen > 5 ? wrong : ["the page has no text"];
  },

  controls() {
    const clean = (text) => text.replace(/\s+/g, " ").trim();
    const names = "a[href], button, summary";
    return [...document.querySelectorAll(names)]
      .filter((each) => each.checkVisibility())
      .filter((each) => !each.closest("[aria-hidden=true]"))
      .map((each) => {
        const copy = each.cloneNode(true);
        copy
          .querySelectorAll("[aria-hidden=true]")
          .forEach((hidden) => hidden.remove());
        const visible = clean(copy.textContent);
        const label = clean(each.getAttribute("aria-label") ?? "");
        const form = each.closest("form");
        const fields = form?.querySelectorAll("[type=hidden][name=item]") ?? [];
        const does = [form?.action, each.name, each.value];
        return {
          // A sign has no words that could be spoken.
          visible: /[\p{L}\p{N}]/u.test(visible) ? visible : "",
          name: label || visible || each.querySelector("img")?.alt || "",
          does:
            each.href ??
            [...does, ...[...fields].map((field) => field.value)].join(" "),
          inMain: each.closest("main") !== null && !each.matches("summary"),
        };
      });
  },

  obscured() {
    const focused = document.activeElement;
    if (!focused || focused === document.body || focused.id === "main") {
      return "";
    }
    const box = focused.getBoundingClientRect();
    const isSeen = [0.05, 0.5, 0.95].some((across) =>
      [0.05, 0.5, 0.95].some((down) => {
        const top = document.elementFromPoint(
          box.left + box.width * across,
          box.top + box.height * down,
        );
        return top !== null && (focused.contains(top) || top.contains(focused));
      }),
    );
    return isSeen ? "" : focused.outerHTML.slice(0, 120);
  },

  clipped() {
    const exempt = ".visually-hidden, .skip, .cover, .scroll, pre, textarea, svg";
    return [...document.querySelectorAll("body *")]
      .filter((each) => each.checkVisibility() && !each.closest(exempt))
      .filter((each) => each.textContent.trim())
      .filter((each) => getComputedStyle(each).overflowX !== "visible")
      .filter(
        (each) =>
          each.scrollWidth > each.clientWidth + 1 ||
          each.scrollHeight > each.clientHeight + 1,
      )
      .map((each) => `cut off: ${each.textContent.trim().slice(0, 50)}`);
  },

  narrow(letters) {
    const titles = "h1, h2, .track-title, .card-title, .leader > :first-child";
    return [...document.querySelectorAll(titles)]
      .filter((each) => each.checkVisibility())
      .filter((each) => !each.closest(".visually-hidden"))
      .filter((each) => {
        const text = each.textContent.trim().length;
        const range = document.createRange();
        range.selectNodeContents(each);
        const style = getComputedStyle(each);
        const line =
          parseFloat(style.lineHeight) || 1.3 * parseFloat(style.fontSize);
        const height = range.getBoundingClientRect().height;
        const lines = Math.max(1, Math.round(height / line));
        return text > letters && text / lines < letters;
      })
      .map((each) => `narrow: ${each.textContent.trim().slice(0, 50)}`);
  },
});
