"use strict";
// What must happen in the browser at once: the theme before the first paint, the menu, the page's choices in its URL.
const turnout = (() => {
  const THEMES = { system: "as the system", light: "light", dark: "dark" };

  const stored = () => {
    try {
      return localStorage.getItem("turnout-theme") || "system";
    } catch {
      return "system";
    }
  };

  function showTheme() {
    const theme = stored();
    document.documentElement.dataset.theme = theme;
    window.Quasar?.Dark.set(theme === "system" ? "auto" : theme === "dark");
    document.querySelectorAll("button.theme").forEach((button) => {
      button.setAttribute("aria-label", `Theme: ${THEMES[theme]}`);
      button.title = `Theme: ${THEMES[theme]}`;
    });
  }

  function nextTheme() {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(stored()) + 1) % names.length];
    try {
      localStorage.setItem("turnout-theme", next);
    } catch {
      // Private windows may refuse: then the theme lasts as long as nobody looks away.
    }
    showTheme();
  }

  function toggleMenu(button) {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
  }

  function remember(query) {
    const text = new URLSearchParams(query).toString();
    history.replaceState(history.state, "", location.pathname + (text ? `?${text}` : "") + location.hash);
  }

  showTheme();
  addEventListener("storage", showTheme);
  document.addEventListener("visibilitychange", () => window.emitEvent?.("seen", !document.hidden));
  addEventListener("load", () => {
    // The page is built only now: its button is not there yet.
    const built = new MutationObserver(() => {
      if (document.querySelector("button.theme")) {
        built.disconnect();
        showTheme();
        // A phone shows a part of the graph only: the tables have all of it.
        if (innerWidth < 760) document.querySelectorAll("details.as-tables").forEach((tables) => (tables.open = true));
      }
    });
    built.observe(document.body, { childList: true, subtree: true });
    showTheme();
    const popup = document.querySelector("#popup");
    if (popup) popup.innerHTML = "<span>Lost the connection to the dashboard. Retrying…</span>";
  });
  return { nextTheme, toggleMenu, remember };
})();
