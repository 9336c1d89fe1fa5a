// What every page has: clock, theme, search that takes a scan anywhere, links without reload, progress of seeding.
(function (ht) {
  "use strict";
  const h = ht.h;
  const clientside = ((window.dash_clientside = window.dash_clientside || {}).histotwin = {});
  ht.clientside = clientside;

  ht.go = function (href) {
    window.history.pushState({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  };
  ht.link = (href, attrs, ...children) => h("a", { href, ...attrs }, ...children);
  ht.itemHref = (barcode) => `/items/${encodeURIComponent(barcode)}`;
  ht.caseHref = (barcode) => `/cases/${encodeURIComponent(barcode)}`;
  ht.labHref = (lab) => `/labs/${encodeURIComponent(lab)}`;

  // --- links inside the product change the page without a reload; a row of a table is as good as its link ----------
  const ours = /^\/($|\?|labs\/|items\/|cases\/|search|admin\/)/;
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a[href]");
    const href = link ? link.getAttribute("href") : event.target.closest("[data-href]")?.dataset.href;
    if (!href || !ours.test(href) || (link && (link.target || link.hasAttribute("download")))) return;
    if (!link && (event.target.closest("button,select,input,summary,label") || String(window.getSelection()))) return;
    event.preventDefault();
    ht.go(href);
  });

  // --- search: typed, pasted or scanned ---------------------------------------------------------------------------
  // A scanner set to send its AIM identifier ("]d1") frames what it reads: "]" opens, Enter closes, 2 s of silence aborts.
  const bare = (raw) => raw.trim().replace(/^\][A-Za-z][0-9A-Za-z]/, "");
  ht.lookUp = (raw) => {
    const text = bare(raw);
    if (text) ht.go(`/search?q=${encodeURIComponent(text)}`);
  };
  let frame = null, last = 0;
  document.addEventListener("keydown", (event) => {
    if (frame !== null && event.timeStamp - last > 2000) frame = null;
    last = event.timeStamp;
    if (frame === null && event.key === "]" && !event.ctrlKey && !event.altKey) frame = "";
    if (frame !== null) {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.key === "Enter") { const text = frame; frame = null; ht.lookUp(text); }
      else if (event.key === "Escape") frame = null;
      else if (event.key.length === 1) frame += event.key;
      return;
    }
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.nodeName || "") || document.activeElement?.isContentEditable;
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const box = document.getElementById("search-box");
      box?.focus();
      box?.select();
    }
  }, true);
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "search-form") return;
    event.preventDefault();
    const box = document.getElementById("search-box");
    ht.lookUp(box.value);
    box.value = "";
    box.blur();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#theme-toggle")) ht.toggleTheme();
  });

  /** Fills what the shell leaves empty; runs until the shell is there. */
  function furnish() {
    const form = document.getElementById("search-form"), toggle = document.getElementById("theme-toggle");
    if (!form || !toggle) { setTimeout(furnish, 20); return; }
    ht.draw(form, h("label", { class: "hidden", for: "search-box" }, "Search or scan"),
      h("input", { id: "search-box", type: "text", placeholder: "Search or scan a case, block or slide", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", enterkeyhint: "search" }),
      h("kbd", { "aria-hidden": "true" }, "/"));
    ht.draw(toggle,
      h("svg:svg", { class: "moon", viewBox: "0 0 24 24", "aria-hidden": "true" }, h("svg:path", { d: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z" })),
      h("svg:svg", { class: "sun", viewBox: "0 0 24 24", "aria-hidden": "true" }, h("svg:circle", { cx: 12, cy: 12, r: 4 }), h("svg:path", { d: "M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5" })));
    ht.tick();
    showClock();
  }

  // --- the clock, in the lab's zone ---------------------------------------------------------------------------------
  function showClock() {
    const node = document.getElementById("clock"), iso = new Date(ht.now()).toISOString();
    ht.draw(node, h("time", { datetime: iso }, h("span", { class: "clock-time" }, ht.time(iso)), h("span", { class: "clock-date" }, ht.date(iso))));
  }
  setInterval(showClock, 1000);
  furnish();

  clientside.showTitle = function (title) {
    if (title) document.title = title === "Network" ? "histotwin" : `${title} · histotwin`;
    const trail = document.getElementById("trail");
    ht.draw(trail, title && title !== "Network" && [ht.link("/", {}, "Network"), h("span", { "aria-hidden": "true" }, "›"), h("span", { "aria-current": "page" }, ht.crumb || title)]);
    return window.dash_clientside.no_update;
  };

  clientside.showProgress = function (work) {
    const mount = document.getElementById("progress");
    ht.draw(mount, (work || []).map((one) => h("p", { class: "banner banner-calm", role: "status", "data-key": one.name },
      h("span", {}, h("strong", {}, one.detail || ht.words(one.name)), one.detail && /\d/.test(one.detail) ? "" : `: ${ht.count(one.done)} of ${ht.count(one.total)}`, one.name === "replay" ? "." : ". Figures over longer periods fill up as it loads."),
      h("progress", { max: one.total, value: one.done, "aria-label": ht.words(one.name) }))));
    return window.dash_clientside.no_update;
  };

  // --- states that every page may be in ------------------------------------------------------------------------------
  ht.notice = (title, text, ...more) => h("div", { class: "notice" }, h("h2", {}, title), h("p", {}, text), ...more);
  ht.skeleton = (rows, height) => h("div", { class: "skeleton", "aria-hidden": "true" },
    Array.from({ length: rows }, () => h("span", { class: `bone bone-${height || "row"}` })));
  ht.failed = (problem) => ht.notice("This could not be loaded", problem || "The server gave no answer. Live data go on in the header.",
    h("p", {}, h("button", { type: "button", class: "button", "data-retry": "1" }, "Try again")));

  /** Fetches JSON; answers {data} or {missing: true} or {error: sentence}. */
  ht.read = async function (path) {
    try {
      const answer = await fetch(path, { headers: { accept: "application/json" } });
      if (answer.status === 404 || answer.status === 403) return { missing: true };
      if (answer.status === 401) { window.location.assign(`/sign-in?next=${encodeURIComponent(window.location.pathname)}`); return { error: "You are signed out." }; }
      if (!answer.ok) return { error: (await answer.json().catch(() => ({}))).detail || `The server answered ${answer.status}.` };
      return { data: await answer.json() };
    } catch { return { error: "The server cannot be reached. Check the network; this page keeps what it has." }; }
  };
})(window.histotwin);
