// How histotwin is: its parts with what they say of themselves, and what is wrong, worst first, with what can be done.
(function (ht) {
  "use strict";
  const h = ht.h;
  const AGAIN_MS = 10000, WITHIN_MS = 9000;
  let said = null, saidAt = null, failed = null, reading = false;

  const mount = () => document.getElementById("health-board");

  // --- reading -------------------------------------------------------------------------------------------------------
  /** Health answers with its document also when the database is down; any other answer says why there is none. */
  async function ask() {
    try {
      const answer = await fetch("/api/v1/health", { headers: { accept: "application/json" }, signal: AbortSignal.timeout(WITHIN_MS) });
      const found = await answer.json();
      return found.database ? { found } : { failed: found.detail || `The server answered ${answer.status}.` };
    } catch { return { failed: "The server cannot be reached." }; }
  }

  async function read() {
    if (reading || !mount()) return;
    reading = true;
    const answer = await ask();
    reading = false;
    failed = answer.failed || null;
    if (answer.found) { said = answer.found; saidAt = new Date(ht.now()).toISOString(); }
    draw();
  }

  // --- what is wrong ---------------------------------------------------------------------------------------------------
  const query = (fields) => { const text = new URLSearchParams(Object.entries(fields).filter(([, value]) => value)).toString(); return text ? `?${text}` : ""; };
  const WHAT_TO_DO = {
    refused_open: (one) => [`/admin/rejected${query({ lab: one.lab })}`, "Deal with them"],
    conflicts_open: (one) => [`/admin/rejected${query({ lab: one.lab, reason: "identity_conflict" })}`, "Say which is right"],
    gap_open: (one) => [`/admin/rejected${query({ lab: one.lab })}`, "See the gap"],
  };

  function whatToDo(one) {
    const known = WHAT_TO_DO[one.word];
    const [href, words] = known ? known(one) : one.lab ? [ht.labHref(one.lab), "See the laboratory"] : [];
    return href ? ht.link(href, {}, words) : h("span", { class: "soft" }, ht.none);
  }

  const worstFirst = (a, b) => (a.severity === "alarm" ? 0 : 1) - (b.severity === "alarm" ? 0 : 1) || (Date.parse(b.since) || 0) - (Date.parse(a.since) || 0);
  function labOf({ lab, word }) {
    const row = lab && ht.live.rows.get(lab);
    return row ? ht.shortLab(row.name) : lab ? lab.toUpperCase() : WHAT_TO_DO[word] ? "none that is known" : "all";
  }
  const td = (label, ...children) => h("td", { "data-label": label }, children);
  const heads = (names) => h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name))));

  function trouble(one) {
    const { word, shape, cls } = ht.severityOf(one.severity);
    return h("tr", { "data-key": [one.word, one.lab, one.source, one.sentence.match(/boot \S+/)].join(" ") },
      h("th", { scope: "row", class: "wide" }, h("span", { class: `severity severity-${one.severity}` }, ht.shape(shape, cls), word), h("span", {}, one.sentence)),
      td("Laboratory", labOf(one)), td("Since", one.since ? h("time", { datetime: one.since, title: ht.moment(one.since) }, ht.ago(one.since)) : ht.none), h("td", { "data-label": "What can be done", class: "to-do" }, whatToDo(one)));
  }

  /** Health names only what its reader may see; its status knows of all. */
  function nothing() {
    const idle = PARTS.some(([name]) => said[name].state === "down") || said.ingest.state === "no_data";
    const elsewhere = said.status !== "ok" && !idle;
    return elsewhere ? ht.notice("Nothing is wrong in your laboratories", "Something is wrong in another one; who looks after it sees what.")
      : said.status !== "ok" ? ht.notice("No trouble beside what the parts say", "A part does not do its work; its sentence below says what that means.")
        : ht.notice("Nothing is wrong", "Every part does its work, and nothing waits for anybody to look at it.");
  }

  function troubles() {
    const list = [...said.troubles].sort(worstFirst);
    return h("section", { class: "card board-card live-values", "data-key": "troubles", "aria-label": "What is wrong" },
      list.length ? h("table", { class: "list health-list" }, heads(["What is wrong", "Laboratory", "Since", "What can be done"]), h("tbody", {}, list.map(trouble))) : nothing());
  }

  // --- the parts -----------------------------------------------------------------------------------------------------------
  const STATE = {
    up: ["disc", "good", "works"], down: ["square", "bad", "does not work"], old: ["triangle", "warn", "out of date"],
    no_data: ["ring", "", "nothing yet"], not_configured: ["dash", "", "not named"], unknown: ["ring", "", "unknown"],
    live: ["disc", "good", "live"], late: ["triangle", "warn", "late"], dead: ["square", "bad", "no live data"], connecting: ["ring", "", "connecting"],
  };
  const short = (seconds) => (!ht.known(seconds) ? ht.none : seconds < 1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : ht.duration(seconds));
  const answers = (part) => (ht.known(part.lag_s) ? `answers in ${short(part.lag_s)}` : ht.none);
  const PARTS = [
    ["database", "Database", "keeps every event", answers],
    ["broker", "MQTT broker", "takes what instruments say", answers],
    ["ingest", "Ingest", "brings it into the database", (part) => (ht.known(part.round_trip_ms) ? `${short(part.round_trip_ms / 1000)} from broker to database` : ht.none)],
    ["forecast", "Forecast", "foresees when cases are finished", (part) => (ht.known(part.lag_s) ? `${ht.duration(part.lag_s)} old` : ht.none)],
  ];

  function part(name, what, state, sentence, lag) {
    const [shape, cls, word] = STATE[state] || STATE.unknown;
    return h("tr", { "data-key": name }, h("th", { scope: "row" }, name, h("span", { class: "note" }, what)), td("State", h("span", { class: "step-state" }, ht.shape(shape, cls), word)),
      td("How far behind", lag), h("td", { "data-label": "What it says", class: "wide" }, sentence));
  }

  function screen() {
    const state = ht.live.state(), age = ht.live.age();
    const sentence = age === null ? "No live data have come yet." : `The last live data came ${ht.duration(age)} ago.`;
    return part("This screen", "shows what is live", state, sentence, age === null ? ht.none : `${ht.duration(age)} old`);
  }

  function parts() {
    return h("section", { class: "card board-card live-values", "data-key": "parts", "aria-label": "The parts of histotwin" },
      h("table", { class: "list health-list" }, heads(["Part", "State", "How far behind", "What it says"]),
        h("tbody", {}, PARTS.map(([key, name, what, lag]) => part(name, what, said[key].state, said[key].says, lag(said[key]))), screen())));
  }

  // --- the whole -----------------------------------------------------------------------------------------------------------
  function summary() {
    const n = said.troubles.length, { word, shape, cls } = ht.severityOf(ht.worst(said.troubles));
    return h("p", { class: "head-state" }, n ? h("span", { class: `severity severity-${ht.worst(said.troubles)}` }, ht.shape(shape, cls), word === "Alarm" ? `Alarm: ${ht.troubleCount(n)}` : ht.troubleCount(n))
      : said.status === "ok" ? h("span", { class: "severity" }, ht.shape("disc", "good"), "All is well") : null,
      h("span", { class: "note" }, `as of ${ht.seconds(saidAt)}, version ${said.version}`));
  }

  const silence = () => h("div", { class: "panel", role: "alert", "data-key": "failed" },
    h("strong", {}, "histotwin does not answer as it should. "), failed, said ? ` What you see is from ${ht.seconds(saidAt)}. It is asked again every ten seconds.` : " It is asked again every ten seconds.");

  function draw() {
    const node = mount();
    if (!node) return;
    const head = h("div", { class: "page-head", "data-key": "head" }, h("div", {}, h("h1", {}, "How histotwin is"), h("p", { class: "note" }, "What somebody should see to, and whether every part does its work.")), said && summary());
    ht.draw(node, h("div", { class: "stack-inner" }, head, failed && silence(), said ? [troubles(), parts()] : !failed && ht.skeleton(6)));
  }

  ht.clientside.drawHealth = function () {
    if (mount()) ht.live.want();
    draw();
    read();
    return window.dash_clientside.no_update;
  };
  window.addEventListener("histotwin:troubles", read);
  window.addEventListener("offline", read);
  window.addEventListener("online", read);
  setInterval(() => { if (!document.hidden) read(); }, AGAIN_MS);
})(window.histotwin);
