// Sets the theme before the first paint. Loaded in the head, so that a dark screen never flashes white.
(function () {
  "use strict";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const read = () => { try { return localStorage.getItem("histotwin-theme"); } catch { return null; } };
  const apply = () => { document.documentElement.dataset.theme = read() || (system.matches ? "dark" : "light"); };
  system.addEventListener("change", apply);
  window.addEventListener("beforeprint", () => { document.documentElement.dataset.theme = "light"; });
  window.addEventListener("afterprint", apply);
  apply();
  window.histotwin = {
    toggleTheme() {
      const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("histotwin-theme", next); } catch { /* private window: this page only */ }
      document.documentElement.dataset.theme = next;
      window.dispatchEvent(new CustomEvent("histotwin:theme", { detail: next }));
    },
  };
})();
