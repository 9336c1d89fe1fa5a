// One stream of live data for the whole browser: the tab that holds the lock reads it and tells the others.
// Reconnects for ever; a watchdog says how old the screen is. Draws nothing but the badge and the banner.
(function (ht) {
  "use strict";
  const LATE_S = 30, DEAD_S = 120, SILENT_S = 40, RETRY_MS = [1000, 2000, 5000, 10000];
  const tab = Math.random().toString(36).slice(2);
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("histotwin-live") : null;
  const live = (ht.live = { rows: new Map(), labs: new Map(), feed: [], progress: null, troubles: null, loaded: false, refused: null });

  let source = null, leads = false, tries = 0, timer = null, opened = 0;
  let heard = 0, heardAt = null, wanted = ["board", "troubles"];
  const others = new Map();

  // --- which topics this tab needs ---------------------------------------------------------------------------
  live.want = function (...topics) {
    const next = ["board", "troubles", ...topics];
    if (next.join() === wanted.join()) return;
    wanted = next;
    tell({ kind: "want", tab, topics: wanted });
    if (leads) connect();
  };

  const union = () => [...new Set([...wanted, ...[...others.values()].flat()])].sort();
  const tell = (message) => channel && channel.postMessage(message);

  // --- the stream --------------------------------------------------------------------------------------------
  function connect() {
    clearTimeout(timer);
    if (source) source.close();
    opened = performance.now();
    source = new EventSource(`/api/v1/stream?topics=${encodeURIComponent(union().join(","))}`);
    for (const name of ["snapshot", "row", "lab", "troubles", "gone", "progress", "ping", "message"]) {
      source.addEventListener(name, (event) => { tries = 0; share(name, event.data); });
    }
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) again(); };
  }

  function again() {
    clearTimeout(timer);
    timer = setTimeout(connect, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
    if (tries === 1) askWhy();
  }

  /** A refused stream does not say why; an ordinary request does. */
  async function askWhy() {
    try {
      const answer = await fetch("/api/v1/labs", { headers: { accept: "application/json" } });
      live.refused = answer.status === 401 ? "signed out" : null;
    } catch { live.refused = null; }
    badge();
  }

  function share(name, text) { take(name, text); tell({ kind: "event", name, text }); }

  function take(name, text) {
    heard = performance.now();
    heardAt = Date.now();
    live.refused = null;
    let data = null;
    try { data = text ? JSON.parse(text) : null; } catch { return; }
    keep(name, data);
    badge();
  }

  // --- what is known -------------------------------------------------------------------------------------------
  function keep(name, data) {
    if (!data) return;
    if (data.at) ht.serverTime(data.at);
    if (name === "snapshot") {
      live.loaded = true;
      live.rows = new Map((data.labs || data.rows || data || []).map((row) => [row.id, stamped(row)]));
      hand("live-board", board);
    } else if (name === "row") {
      const row = stamped(data.row || data);
      note(live.rows.get(row.id), row);
      live.rows.set(row.id, row);
      hand("live-board", board);
    } else if (name === "lab") {
      const lab = stamped(data.lab && data.lab.id ? data.lab : data);
      live.labs.set(lab.id, lab);
      hand("live-lab", () => Object.fromEntries(live.labs));
    } else if (name === "troubles") {
      live.troubles = data.troubles || [];
      window.dispatchEvent(new CustomEvent("histotwin:troubles"));
    } else if (name === "progress") {
      live.progress = (data.work || []).filter((one) => !one.finished_at && one.total > 0);
      hand("live-progress", () => live.progress);
    }
  }

  const board = () => ({ rows: [...live.rows.values()], feed: live.feed });
  const stamped = (row) => ({ ...row, heardAt: Date.now() });

  /** What changed between two states of a lab, in words, for the list beside the board. */
  function note(before, now) {
    if (!before) return;
    const at = now.at || new Date(ht.now()).toISOString();
    const say = (what) => live.feed.unshift({ key: `${now.id}-${at}-${what}`, at, lab: now.id, name: now.name, what });
    const rise = (field, one, many) => {
      const n = (now[field] || 0) - (before[field] || 0);
      if (n > 0) say(`${n} ${n === 1 ? one : many}`);
    };
    rise("received_today", "case received", "cases received");
    rise("authorised_today", "case authorised", "cases authorised");
    if (before.status !== now.status) say(`now ${ht.statusOf(now.status).word.toLowerCase()}`);
    const failed = (row) => (row.devices && row.devices.error) || 0;
    if (failed(now) > failed(before)) say("an instrument reports an error");
    live.feed.length = Math.min(live.feed.length, 30);
  }

  // --- to the page: at most four times a second, once Dash is there ---------------------------------------------
  const due = new Map();
  let handing = null;
  function hand(id, value) { due.set(id, value); if (!handing) handing = setTimeout(flush, 120); }
  function flush() {
    handing = null;
    if (!window.dash_clientside?.set_props || !document.getElementById("page")) { handing = setTimeout(flush, 50); return; }
    for (const [id, value] of due) window.dash_clientside.set_props(id, { data: value() });
    due.clear();
    handing = setTimeout(() => { handing = null; if (due.size) flush(); }, 250);
  }

  // --- one reader per browser ------------------------------------------------------------------------------------
  function lead() {
    leads = true;
    connect();
    tell({ kind: "who" });
    return new Promise(() => {}); // the lock is held until this tab closes
  }

  function stepDown() { leads = false; if (source) source.close(); source = null; compete(); }

  function compete(options = {}) {
    if (!navigator.locks || !channel) { if (!leads) { leads = true; connect(); } return; }
    navigator.locks.request("histotwin-live", options, lead).catch(stepDown);
  }

  function replay(to) {
    tell({ kind: "replay", to, name: "snapshot", text: JSON.stringify({ labs: [...live.rows.values()] }) });
    for (const lab of live.labs.values()) tell({ kind: "replay", to, name: "lab", text: JSON.stringify(lab) });
    if (live.troubles) tell({ kind: "replay", to, name: "troubles", text: JSON.stringify({ troubles: live.troubles }) });
  }

  if (channel) channel.onmessage = ({ data }) => {
    if (data.kind === "event" && !leads) take(data.name, data.text);
    if (data.kind === "replay" && data.to === tab) take(data.name, data.text);
    if (data.kind === "who") tell({ kind: "want", tab, topics: wanted });
    if (data.kind === "bye" && leads) others.delete(data.tab);
    if (data.kind === "want" && leads) {
      const before = union().join();
      others.set(data.tab, data.topics);
      if (union().join() !== before) connect(); else if (live.loaded) replay(data.tab);
    }
  };
  window.addEventListener("pagehide", () => tell({ kind: "bye", tab }));
  window.addEventListener("pageshow", (event) => { if (event.persisted) tell({ kind: "want", tab, topics: wanted }); });

  // --- the watchdog ------------------------------------------------------------------------------------------------
  live.age = () => (heard ? (performance.now() - heard) / 1000 : null);
  live.state = function () {
    const age = live.age();
    if (live.refused) return "dead";
    if (age === null) return performance.now() > DEAD_S * 1000 ? "dead" : "connecting";
    return age > DEAD_S ? "dead" : age > LATE_S ? "late" : "live";
  };

  const SAYS = {
    connecting: () => "connecting",
    live: (age) => `live, ${ht.duration(age)} old`,
    late: (age) => `data ${ht.duration(age)} old`,
    dead: () => "no live data",
  };

  function badge() {
    const state = live.state();
    document.documentElement.dataset.live = state;
    const node = document.getElementById("live-badge");
    if (node) ht.draw(node, ht.h("span", { class: `beat beat-${state}`, "aria-hidden": "true" }), ht.h("span", {}, SAYS[state](live.age())));
    banner(state);
  }

  function banner(state) {
    const node = document.getElementById("live-banner");
    if (!node) return;
    const since = heardAt ? ht.time(new Date(heardAt + (ht.now() - Date.now())).toISOString()) : "this page was opened";
    if (state === "dead" && live.refused) {
      ht.draw(node, ht.h("p", { class: "banner banner-bad" }, "You are signed out. ", ht.h("a", { href: "/sign-in" }, "Sign in again"), " to see live data."));
    } else if (state === "dead") {
      ht.draw(node, ht.h("p", { class: "banner banner-bad" }, ht.h("strong", {}, `NO LIVE DATA since ${since}`), " What you see is from then. Trying again without end; nothing needs to be reloaded."));
    } else ht.draw(node);
  }

  function watch() {
    const age = live.age();
    const quiet = age === null ? (performance.now() - opened) / 1000 : age;
    if (quiet > SILENT_S && (performance.now() - opened) / 1000 > SILENT_S) {
      opened = performance.now();
      if (leads) connect(); else compete({ steal: true });
    }
    badge();
  }
  setInterval(watch, 1000);
  ht.tick = badge;

  /** For tests and for nobody else: pretend that nothing was heard for this long. */
  live.pretendSilent = (seconds) => { heard = performance.now() - seconds * 1000; heardAt = Date.now() - seconds * 1000; opened -= seconds * 1000; if (source) source.close(); badge(); };

  compete();
  tell({ kind: "want", tab, topics: wanted }); // whoever leads already answers with what it has
})(window.histotwin);
