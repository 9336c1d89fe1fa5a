// One laboratory: the line from reception to authorisation, the instruments along it, and what needs a hand.
(function (ht) {
  "use strict";
  const h = ht.h;
  let labs = {}, missing = null, asked = null, chartsFor = null, chartsAt = 0;

  const DEVICE = {
    running: { word: "running", shape: "play", cls: "good" }, idle: { word: "idle", shape: "ring", cls: "" },
    heard: { word: "heard", shape: "disc", cls: "" }, online: { word: "online", shape: "disc", cls: "good" }, error: { word: "error", shape: "cross", cls: "bad" },
    maintenance: { word: "maintenance", shape: "triangle", cls: "warn" }, offline: { word: "offline", shape: "dash", cls: "" },
  };
  const deviceState = (name) => DEVICE[name] || { word: name ? ht.words(name).toLowerCase() : "not heard yet", shape: "ring", cls: "" };

  // --- the figures at the top ---------------------------------------------------------------------------------------
  function tile(label, value, note, state) {
    return h("div", { class: `tile ${state ? `tile-${state}` : ""}` }, h("dt", {}, label), h("dd", {}, h("span", { class: "figure" }, value), note && h("span", { class: "note" }, note)));
  }

  function strip(lab) {
    const forecast = lab.forecast || {};
    return h("dl", { class: "strip live-values" },
      (lab.within || []).slice(0, 2).map((_, i) => ht.within(lab, i)).map((target) => {
        const short = ht.known(target.percent) && target.percent < target.percentile;
        return tile(`Within ${target.days} days`, ht.percent(target.percent), [short && ht.shape("triangle", "warn"), `target ${target.percentile}\u202f%, of ${ht.count(target.n)}${target.over ? ` in ${target.over}` : ""}`], short ? "warn" : "");
      }),
      tile("Turnaround P90", ht.hours(lab.tat_p90_h), `median ${ht.hours(lab.tat_p50_h)}`),
      tile("Open cases", ht.count(lab.wip), lab.overdue_open ? `${ht.count(lab.overdue_open)} past target` : "none past target"),
      tile("Today", h("span", {}, ht.count(lab.received_today), h("span", { class: "of" }, " in "), ht.count(lab.authorised_today), h("span", { class: "of" }, " out")), "received, authorised"),
      tile("Oldest open", lab.oldest_open ? ht.hours(lab.oldest_open.age_h) : ht.none, lab.oldest_open ? ht.link(ht.caseHref(lab.oldest_open.case), {}, lab.oldest_open.case) : "nothing open"),
      tile("Forecast to breach", forecast.made_at ? ht.count(forecast.expected_breaches) : ht.none, forecast.made_at ? `forecast ${ht.since(forecast.made_at)} old` : "no forecast yet"));
  }

  const leftOut = (n) => n > 0 && h("p", { class: "note", "data-key": "left-out" }, ht.shape("triangle", "warn"), ` In the last 28 days ${ht.leftOut(n)}.`);

  // --- the line ---------------------------------------------------------------------------------------------------------
  const plural = (per, n) => `${per}${n === 1 ? "" : "s"}`;

  function stepCard(step, most) {
    const waiting = step.waiting || 0, running = step.running || 0, W = 100;
    const late = waiting > 0 && ht.known(step.allowance_h) && ht.known(step.oldest_waiting_h) && step.oldest_waiting_h > step.allowance_h;
    const scale = (n) => Math.round((n / most) * W * 10) / 10;
    return h("li", { class: `step ${late ? "step-late" : ""}`, "data-key": step.step },
      h("h3", {}, step.label || ht.stepName(step.step)),
      h("p", { class: "waiting" }, h("span", { class: "figure" }, ht.count(waiting)), h("span", { class: "note" }, ` ${plural(step.per || "case", waiting)} waiting`)),
      h("svg:svg", { class: "load", viewBox: `0 0 ${W} 8`, preserveAspectRatio: "none", "aria-hidden": "true" },
        h("svg:rect", { class: "track", width: W, height: 8 }), h("svg:rect", { class: "in-work", width: scale(running), height: 8 }), h("svg:rect", { class: "in-queue", x: scale(running), width: scale(waiting), height: 8 })),
      h("dl", { class: "facts" },
        h("div", {}, h("dt", {}, "in work"), h("dd", {}, ht.count(running))),
        h("div", { class: late ? "over" : "" }, h("dt", {}, late && ht.shape("triangle", "warn"), "oldest"), h("dd", {}, waiting ? ht.brief(step.oldest_waiting_h) : ht.none)),
        h("div", {}, h("dt", {}, "done today"), h("dd", {}, ht.count(step.done_today))),
        h("div", {}, h("dt", { title: "Median stay at this step, 7 days" }, "stay"), h("dd", {}, ht.brief(step.dwell_median_h)))));
  }

  function line(lab) {
    const steps = lab.steps || [];
    const most = Math.max(1, ...steps.map((step) => (step.waiting || 0) + (step.running || 0)));
    return h("section", { class: "card live-values", "data-key": "line", "aria-labelledby": "line-title" },
      h("div", { class: "card-head" }, h("h2", { id: "line-title" }, "The line, from reception to authorisation"),
        h("p", { class: "legend", "aria-hidden": "true" }, h("span", {}, h("span", { class: "swatch in-work" }), "in work"), h("span", {}, h("span", { class: "swatch in-queue" }), "waiting"))),
      steps.length ? h("ol", { class: "line", style: `--steps: ${steps.length}; --half: ${Math.ceil(steps.length / 2)}` }, steps.map((step) => stepCard(step, most))) : h("p", { class: "soft" }, "Nothing has been scanned here yet. The first scan starts the count."));
  }

  // --- instruments -------------------------------------------------------------------------------------------------------
  function instruments(lab) {
    const all = lab.device_list || [];
    const stations = [...new Set(all.map((device) => device.station))];
    const bad = all.filter((device) => device.state === "error").length;
    return h("section", { class: "card live-values", "data-key": "instruments", "aria-labelledby": "instruments-title" },
      h("div", { class: "card-head" }, h("h2", { id: "instruments-title" }, "Instruments and benches"), h("p", { class: "note" }, bad ? `${bad} in error` : all.length ? "none in error" : "")),
      all.length ? h("div", { class: "stations" }, stations.map((station) => h("div", { class: "station", "data-key": `s-${station}` }, h("h3", {}, ht.stepName(station)),
        h("ul", { class: "devices" }, all.filter((device) => device.station === station).map((device) => {
          const state = deviceState(device.state || (device.last_event_at ? "heard" : null));
          const since = device.state_at && device.state !== "idle" ? device.state_at : device.state ? null : device.last_event_at;
          return h("li", { class: `device device-${state.cls || "plain"}`, "data-key": device.name, title: device.detail || null },
            ht.shape(state.shape, state.cls), h("span", { class: "device-name" }, device.name), h("span", { class: "note" }, state.word, since ? ` ${ht.since(since)}` : ""));
        })))))
        : h("p", { class: "soft" }, "No instrument is registered for this lab."));
  }

  // --- lists ------------------------------------------------------------------------------------------------------------
  const PRIORITY = { urgent: ["square", "bad"], cancer: ["triangle", "warn"], routine: ["ring", ""] };
  const priority = (name) => h("span", { class: "priority" }, ht.shape(...(PRIORITY[name] || PRIORITY.routine)), ht.words(name || "routine"));
  ht.priority = priority;

  function chance(probability) {
    if (!ht.known(probability)) return h("span", { class: "soft" }, ht.none);
    return h("span", { class: "pair" }, h("span", { class: "number" }, ht.percent(probability * 100)),
      h("svg:svg", { class: "bullet", viewBox: "0 0 60 8", width: 60, height: 8, "aria-hidden": "true" }, h("svg:rect", { class: "track", width: 60, height: 8, rx: 2 }), h("svg:rect", { class: probability >= 0.5 ? "fill short" : "fill", width: Math.max(0.5, probability * 60), height: 8, rx: 2 })));
  }

  function atRisk(lab) {
    const made = (lab.forecast || {}).made_at, foreseen = forecasts.get(lab.id) || new Map();
    const cases = (lab.at_risk || []).slice(0, 10).map((entry) => ({ ...entry, ...foreseen.get(entry.case) }));
    const td = (label, ...children) => h("td", { "data-label": label }, children);
    return h("section", { class: "card", "data-key": "risk", "aria-labelledby": "risk-title" },
      h("div", { class: "card-head" }, h("h2", { id: "risk-title" }, "Cases most at risk"), h("p", { class: "note" }, made ? `forecast made ${ht.moment(made)}, ${ht.since(made)} old` : "no forecast yet")),
      cases.length ? h("div", { class: "scroll" }, h("table", { class: "list" }, h("thead", {}, h("tr", {}, ["Case", "Priority", "Age", "Stage", "Due", "Finish, as likely as not", "Finish, almost surely", "Chance of breach"].map((name) => h("th", { scope: "col", title: { "Finish, as likely as not": "P50 of the forecast", "Finish, almost surely": "P95 of the forecast", "Chance of breach": "Largest probability of missing a target" }[name] }, name)))),
        h("tbody", {}, cases.map((entry) => h("tr", { "data-key": entry.case, "data-href": ht.caseHref(entry.case) },
          h("th", { scope: "row" }, ht.link(ht.caseHref(entry.case), { class: "code" }, entry.case)), td("Priority", priority(entry.priority)), td("Age", ht.hours(entry.age_h)), td("Stage", ht.stepName(entry.stage)),
          td("Due", entry.is_overdue ? h("span", { class: "tag tag-bad" }, ht.shape("square", "bad"), `past, ${ht.moment(entry.due)}`) : ht.moment(entry.due)),
          td("Finish, as likely as not", ht.moment(entry.p50)), td("Finish, almost surely", ht.moment(entry.p95)), td("Chance of breach", chance(entry.breach_probability)))))))
        : h("p", { class: "soft" }, made ? "No open case is likely to miss its target." : "The forecast starts when there are open cases; it is made every few minutes."));
  }

  ht.eventWords = (event) => {
    const type = String(event.type || "").replace(/^histotwin\./, ""), step = event.step || (event.data && event.data.step);
    const [, verb] = type.split(".");
    if (type.startsWith("step.") && step) return `${ht.stepName(step)} ${verb}`;
    if (type.startsWith("run.") ) return `${step ? ht.stepName(step) : "Run"} run ${verb}`;
    return ht.words(type);
  };

  function newest(lab) {
    const events = [...(lab.events || [])].sort((a, b) => Date.parse(b.time) - Date.parse(a.time) || b.position - a.position).slice(0, 10);
    const today = ht.date(new Date(ht.now()).toISOString());
    return h("section", { class: "card", "data-key": "newest", "aria-labelledby": "newest-title" }, h("h2", { id: "newest-title" }, "Newest events"),
      events.length ? h("ul", { class: "plain news" }, events.map((event, i) => h("li", { "data-key": `${event.position ?? `${event.subject}${event.time}${i}`}` }, h("time", { datetime: event.time }, ht.date(event.time) === today ? ht.seconds(event.time, lab.timezone) : ht.dayMonth(event.time, lab.timezone)),
        h("span", {}, event.subject && !/^histotwin\.device|run\./.test(event.type) ? ht.link(ht.itemHref(event.subject), { class: "code" }, event.subject) : h("span", { class: "code" }, event.subject || String(event.source || "").split("/").pop()), ` ${ht.eventWords(event)}`,
          h("span", { class: "note" }, [event.station && ht.stepName(event.station), event.operator, String(event.source || "").split("/").pop()].filter(Boolean).join(", "))))))
        : h("p", { class: "soft" }, "No event yet."));
  }

  function refused(lab) {
    const list = lab.rejected || [];
    return h("section", { class: "card", "data-key": "refused", "aria-labelledby": "refused-title" }, h("div", { class: "card-head" }, h("h2", { id: "refused-title" }, "Refused scans and messages"), list.length ? h("p", { class: "note" }, ht.link(`/admin/rejected?lab=${encodeURIComponent(lab.id)}`, {}, "Deal with them")) : null),
      list.length ? h("ul", { class: "plain" }, list.slice(0, 10).map((entry) => h("li", { "data-key": `r-${entry.id}` }, ht.shape("cross", "bad"),
        h("span", { class: "grow" }, ht.link(`/admin/rejected?lab=${encodeURIComponent(lab.id)}&id=${entry.id}`, {}, entry.message || ht.words(entry.reason)), entry.text ? h("span", { class: "raw code" }, String(entry.text).slice(0, 160)) : null,
          h("span", { class: "note" }, [entry.origin && String(entry.origin).split("/").pop(), ht.moment(entry.last_at), entry.times > 1 ? `${entry.times} times` : ""].filter(Boolean).join(", "))))))
        : h("p", { class: "soft" }, "Nothing was refused."));
  }

  /** How busy the forecast finds each resource: dot and 95 % interval from 0 to 100 %, a line at 85 % where queues grow. */
  function busy(lab) {
    const list = (bottlenecks.get(lab.id) || []).filter((one) => ht.known(one.utilisation)).slice(0, 7), W = 160, H = 16;
    if (!list.length) return null;
    const x = (share) => Math.round(Math.max(0, Math.min(1, share)) * (W - 8) * 10) / 10 + 4;
    return h("section", { class: "card", "data-key": "busy", "aria-labelledby": "busy-title" },
      h("div", { class: "card-head" }, h("h2", { id: "busy-title" }, "Busiest in the forecast"), h("p", { class: "note" }, "share of staffed time, 95 % interval; line at 85 %")),
      h("ul", { class: "plain busy" }, list.map((one) => h("li", { "data-key": one.resource }, h("span", { class: "grow" }, ht.words(one.resource)),
        h("svg:svg", { viewBox: `0 0 ${W} ${H}`, width: W, height: H, "aria-hidden": "true" },
          h("svg:rect", { class: "track", x: 4, y: H / 2 - 1, width: W - 8, height: 2 }), h("svg:rect", { class: "limit", x: x(0.85) - 0.5, y: 0, width: 1, height: H }),
          ht.known(one.low) && h("svg:rect", { class: "interval", x: x(one.low), y: H / 2 - 2, width: Math.max(1, x(one.high) - x(one.low)), height: 4 }),
          h("svg:circle", { class: one.utilisation > 0.85 ? "dot over-dot" : "dot", cx: x(one.utilisation), cy: H / 2, r: 4 })),
        h("span", { class: "number" }, ht.percent(Math.min(1, one.utilisation) * 100), one.utilisation > 0.85 ? h("span", { class: "hidden" }, ", over 85 %") : null), one.utilisation > 0.85 ? ht.shape("triangle", "warn") : h("span", { class: "no-shape" })))));
  }

  // --- the whole ------------------------------------------------------------------------------------------------------------
  function draw() {
    const mount = document.getElementById("lab-board"), lists = document.getElementById("lab-lists");
    if (!mount) return;
    const id = mount.dataset.lab, lab = labs[id];
    ht.live.want(`lab/${id}`);
    if (asked !== id) { asked = id; missing = null; fetchFirst(id); }
    if (missing === id) { ht.draw(mount, h("div", { class: "card notice" }, h("h1", {}, "Nothing here"), h("p", {}, "There is no such laboratory, or it is outside your scope."), h("p", {}, ht.link("/", {}, "Go to the network board")))); ht.draw(lists); return; }
    if (!lab) { ht.draw(mount, h("h1", { class: "hidden" }, "Laboratory"), ht.skeleton(1, "strip"), ht.skeleton(1, "tall")); ht.draw(lists); return; }
    ht.crumb = ht.shortLab(lab.name);
    document.title = `${ht.crumb} · histotwin`;
    const crumb = document.querySelector("#trail [aria-current]");
    if (crumb && crumb.textContent !== ht.crumb) crumb.textContent = ht.crumb;
    const at = lab.freshness && lab.freshness.last_event_at;
    ht.draw(mount, h("div", { class: "stack-inner" },
      h("div", { class: "page-head" }, h("div", {}, h("h1", {}, lab.name), h("p", { class: "note" }, lab.network_name || String(lab.network || "").toUpperCase())),
        h("p", { class: "head-state" }, ht.status(lab.status), h("span", { class: "note" }, at ? `last event ${ht.since(at)} ago` : "no event yet"))),
      strip(lab), leftOut((lab.tat_distribution || {}).clocks_contradict), line(lab), instruments(lab)));
    ht.draw(lists, h("div", { class: "stack-inner" }, atRisk(lab), h("div", { class: "columns three" }, busy(lab), newest(lab), refused(lab))));
    askCharts(id, lab);
    askForecast(lab);
  }

  // --- the forecast's finish times: fetched anew when a newer forecast was made ------------------------------------------
  const forecasts = new Map(), forecastOf = new Map(), bottlenecks = new Map();
  async function askForecast(lab) {
    const made = (lab.forecast || {}).made_at;
    if (!made || forecastOf.get(lab.id) === made) return;
    forecastOf.set(lab.id, made);
    const answer = await ht.read(`/api/v1/forecast?lab=${encodeURIComponent(lab.id)}`);
    const found = answer.data && [answer.data.forecasts, answer.data.labs, [answer.data]].find(Array.isArray).find((one) => one.lab === lab.id);
    if (!found) return;
    forecasts.set(lab.id, new Map((found.cases || []).map((one) => [one.case, { p50: one.p50, p95: one.p95 }])));
    bottlenecks.set(lab.id, found.bottlenecks || []);
    draw();
  }

  async function fetchFirst(id) {
    const answer = await ht.read(`/api/v1/labs/${encodeURIComponent(id)}`);
    if (answer.missing) missing = id;
    if (answer.data && !labs[id]) labs = { ...labs, [id]: answer.data.lab && answer.data.lab.id ? answer.data.lab : answer.data };
    draw();
  }

  /** The charts are drawn on the server; asked again only when their data changed, and at most every 10 s. */
  async function askCharts(id, lab) {
    const sum = JSON.stringify([id, lab.tat_trend, (lab.tat_distribution || {}).counts]);
    if (sum === chartsFor || (chartsFor && chartsFor.startsWith(`["${id}"`) && Date.now() - chartsAt < 10000)) return;
    chartsFor = sum;
    chartsAt = Date.now();
    await ht.loadPlotly();
    window.dash_clientside.set_props("lab-figures", { data: { lab: id, name: lab.name, targets: lab.targets || lab.within || [], tat_trend: lab.tat_trend || [], tat_distribution: lab.tat_distribution || null, theme: document.documentElement.dataset.theme } });
  }
  window.addEventListener("histotwin:theme", () => { chartsFor = null; draw(); });

  let loading = null;
  ht.loadPlotly = () => (loading = loading || new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = "/assets/vendor/plotly-cartesian.min.js";
    script.onload = done;
    script.onerror = () => { loading = null; fail(new Error("The chart library could not be loaded.")); };
    document.head.append(script);
  }));

  ht.clientside.drawLab = function (all) {
    if (all) labs = { ...labs, ...all };
    if (document.getElementById("lab-charts") && !document.querySelector("#lab-charts .chart-card")) chartsFor = null;
    draw();
    return window.dash_clientside.no_update;
  };
  setInterval(() => { if (document.getElementById("lab-board") && ht.live.state() === "live") draw(); }, 5000);
})(window.histotwin);
