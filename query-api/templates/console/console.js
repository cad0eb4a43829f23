// Renews the parts of a page that change by themselves, while somebody looks at it, and says when it cannot.
"use strict";
(() => {
  const parts = () => [...document.querySelectorAll("[data-live]")];
  if (parts().length === 0) return;
  const often = () => document.querySelector("[data-often]") !== null;

  function say(text) {
    const note = document.getElementById("renewal");
    note.textContent = text;
    note.hidden = text === "";
  }

  // Changes what differs and nothing else, so that what somebody types, has opened, scrolled to or focused stays as it is.
  function renew(old, fresh) {
    if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    // Not by their properties: those of a form are its fields.
    if (old.getAttribute("id") !== fresh.getAttribute("id")) return old.replaceWith(fresh);
    // A form that is sent twice is one order.
    if (old.getAttribute("name") === "order") return;
    for (const name of new Set([...old.getAttributeNames(), ...fresh.getAttributeNames()])) {
      if (name === "open") continue;
      if (!fresh.hasAttribute(name)) old.removeAttribute(name);
      else if (old.getAttribute(name) !== fresh.getAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
    }
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    after.forEach((node, at) => (at < before.length ? renew(before[at], node) : old.append(node)));
    before.slice(after.length).forEach((node) => node.remove());
  }

  async function look() {
    try {
      const answer = document.hidden ? null : await fetch(location.href, { redirect: "manual" });
      if (answer && answer.type === "opaqueredirect") return location.reload();
      if (answer && !answer.ok) say(`This page is not renewed: query-api answers ${answer.status}.`);
      if (answer && answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of parts()) {
          const fresh = page.getElementById(part.id);
          if (fresh) renew(part, fresh);
        }
        say("");
      }
    } catch {
      say("This page is not renewed: query-api does not answer.");
    }
    setTimeout(look, often() ? 1000 : 5000);
  }
  setTimeout(look, often() ? 1000 : 5000);
})();
