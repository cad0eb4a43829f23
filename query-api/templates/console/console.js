// Renews the parts of a page that change by themselves, while somebody looks at it. What is being typed stays.
"use strict";
(() => {
  const parts = () => [...document.querySelectorAll("[data-live]")];
  if (parts().length === 0) return;
  const often = () => document.querySelector("[data-often]") !== null;

  // Open details and the place in a scrolled part are the reader's.
  function renew(old, fresh) {
    if (old.innerHTML === fresh.innerHTML) return;
    old.replaceChildren(...fresh.childNodes);
    old.toggleAttribute("data-often", fresh.hasAttribute("data-often"));
  }

  async function look() {
    try {
      const answer = document.hidden ? null : await fetch(location.href, { redirect: "manual" });
      if (answer && answer.type === "opaqueredirect") return location.reload();
      if (answer && answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of parts()) {
          const fresh = page.getElementById(part.id);
          if (fresh && !part.contains(document.activeElement)) renew(part, fresh);
        }
      }
    } catch {
      // query-api is away; the page says of when it is.
    }
    setTimeout(look, often() ? 1000 : 5000);
  }
  setTimeout(look, often() ? 1000 : 5000);
})();
