// The network board: one row a laboratory, worst first. Drawn from the live rows; the filters live in the address.
(function (ht) {
  "use strict";
  const h = ht.h;
  const REORDER_MS = 60000;
  let order = [], orderedAt = 0, orderedFor = "", drawn = { rows: [], feed: [] };

  const filters = () => {
    const query = new URLSearchParams(window.location.search);
    return { network: query.get("network") || "", status: query.get("status") || "", order: query.get("order") || "", kiosk: query.has("kiosk") };
  };
  function setFilter(name, value) {
    const query = new URLSearchParams(window.location.search);
    if (value) query.set(name, value); else query.delete(name);
    const text = query.toString();
    window.history.replaceState({}, "", text ? `/?${text}` : "/");
    draw();
  }
  document.addEventListener("change", (event) => {
    const name = event.target.dataset?.filter;
    if (name) setFilter(name, event.target.value);
  });

  // --- reading a row ---------------------------------------------------------------------------------------------
  /** A target's share over 7 days; over 28 where fewer than five cases were finished, and then it says so. */
  ht.within = (row, i) => {
    const target = (row.within || [])[i] || {};
    return target.n < 5 && target.n_28d ? { ...target, percent: target.percent_28d, n: target.n_28d, over: "28 d" } : target;
  };
  const within = ht.within;
  const gap = (row) => (ht.known(within(row, 0).percent) ? within(row, 0).percent - within(row, 0).percentile : 100);
  const ageOf = (row) => {
    const at = row.freshness && row.freshness.last_event_at;
    return at ? Math.max(0, (ht.now() - Date.parse(at)) / 1000) : null;
  };
  const sum = (rows, read) => rows.reduce((total, row) => total + (read(row) || 0), 0);
  const networkName = (row) => row.network_name || String(row.network || "").toUpperCase();

  /** Worst first; the order holds for a minute, so that a row does not run away from under the pointer. */
  function arrange(rows, chosen) {
    const signature = `${chosen.network}|${chosen.status}|${chosen.order}`;
    const fresh = signature !== orderedFor || Date.now() - orderedAt > REORDER_MS || rows.some((row) => !order.includes(row.id));
    if (fresh) {
      const worst = (a, b) => ht.statusOf(a.status).rank - ht.statusOf(b.status).rank || gap(a) - gap(b) || (b.overdue_open || 0) - (a.overdue_open || 0) || a.name.localeCompare(b.name);
      const first = { name: (a, b) => a.name.localeCompare(b.name), network: (a, b) => networkName(a).localeCompare(networkName(b)) || worst(a, b) }[chosen.order] || worst;
      order = [...rows].sort(first).map((row) => row.id);
      orderedAt = Date.now();
      orderedFor = signature;
    }
    return [...rows].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
  }

  // --- the strip of figures -----------------------------------------------------------------------------------------
  function tile(label, value, note, state) {
    return h("div", { class: `tile ${state ? `tile-${state}` : ""}` },
      h("dt", {}, label), h("dd", {}, h("span", { class: "figure" }, value), note && h("span", { class: "note" }, note)));
  }

  function share(rows, i) {
    const counted = rows.filter((row) => within(row, i).n);
    const n = sum(counted, (row) => within(row, i).n);
    return n ? sum(counted, (row) => within(row, i).percent * within(row, i).n) / n : null;
  }

  function strip(rows) {
    const targets = rows.map((row) => row.within || []).reduce((a, b) => (b.length > a.length ? b : a), []);
    const met = rows.filter((row) => row.status === "on_target").length;
    const urgent = rows.map((row) => row.oldest_urgent && { ...row.oldest_urgent, lab: row.name }).filter(Boolean).sort((a, b) => b.age_h - a.age_h)[0];
    const overdue = sum(rows, (row) => row.overdue_open);
    const breaches = rows.some((row) => row.forecast && row.forecast.made_at) ? sum(rows, (row) => row.forecast && row.forecast.expected_breaches) : null;
    return h("dl", { class: "strip live-values", "aria-label": "The labs shown, together" },
      tile("Labs on target", h("span", {}, `${met}`, h("span", { class: "of" }, ` of ${rows.length}`)), [["late", "late"], ["at_risk", "at risk"]].map(([s, w]) => [rows.filter((row) => row.status === s).length, w]).filter(([n]) => n).map(([n, w]) => `${n} ${w}`).join(", ") || "none late"),
      targets.slice(0, 2).map((target, i) => {
        const percent = share(rows, i);
        const short = ht.known(percent) && percent < target.percentile;
        return tile(`Authorised in ${target.days} days`, ht.percent(percent), [short && ht.shape("triangle", "warn"), `target ${target.percentile}\u202f%`], short ? "warn" : "");
      }),
      tile("Open cases", ht.count(sum(rows, (row) => row.wip)), overdue ? `${ht.count(overdue)} past target` : "none past target"),
      tile("Today", h("span", {}, ht.count(sum(rows, (row) => row.received_today)), h("span", { class: "of" }, " in "), ht.count(sum(rows, (row) => row.authorised_today)), h("span", { class: "of" }, " out")), "received, authorised"),
      tile("Oldest urgent", urgent ? ht.hours(urgent.age_h) : ht.none, urgent ? ht.link(ht.caseHref(urgent.case), {}, urgent.case) : "no urgent case open"),
      tile("Forecast to breach", breaches === null ? ht.none : ht.count(breaches), breaches === null ? "no forecast yet" : "of the open cases"));
  }

  // --- the table ------------------------------------------------------------------------------------------------------
  const td = (label, cls, ...children) => h("td", { "data-label": label, class: cls }, ...children);

  function labCell(row) {
    return h("th", { scope: "row", class: "lab" },
      ht.link(ht.labHref(row.id), { title: row.name }, ht.shortLab(row.name)),
      h("span", { class: "note", title: networkName(row) }, String(row.network || "").toUpperCase()));
  }

  function targetCell(row) {
    const [first, second] = [within(row, 0), within(row, 1)];
    const small = [ht.known(second.percent) && `${ht.percent(second.percent)} in ${second.days} d`].filter(Boolean).join("");
    return td(first.days ? `In ${first.days} days` : "In target", "target",
      h("span", { class: "pair" }, h("span", { class: "number" }, ht.percent(first.percent)), ht.bullet(first.percent, first.percentile, row.status === "late")), h("span", { class: "note", title: first.definition }, first.over ? `over ${first.over}` : small || (first.n === 0 ? "no finished case" : "")));
  }

  function oldestCell(row) {
    const oldest = row.oldest_open;
    return td("Oldest open", "oldest", oldest ? [h("span", { class: "number" }, ht.hours(oldest.age_h)), h("span", { class: "note" }, ht.link(ht.caseHref(oldest.case), {}, oldest.case))] : ht.none);
  }

  function forecastCell(row) {
    const forecast = row.forecast;
    if (!forecast || !forecast.made_at) return td("Forecast", "forecast", h("span", { class: "soft" }, ht.none));
    return td("Forecast", "forecast", h("span", { class: "number" }, ht.count(forecast.expected_breaches)), h("span", { class: "note" }, `${ht.brief((ht.now() - Date.parse(forecast.made_at)) / 3600000)} old`));
  }

  function devicesNote(row) {
    const devices = row.devices || {};
    return [devices.error > 0 && h("span", { class: "tag tag-bad" }, ht.shape("cross"), `${devices.error} in error`), devices.offline > 0 && h("span", { class: "tag" }, ht.shape("dash"), `${devices.offline} offline`)];
  }

  function freshCell(row) {
    const age = ageOf(row);
    return td("Last event", "fresh", h("span", { class: "number" }, age === null ? "never" : age < 3600 ? ht.duration(age) : ht.brief(age / 3600)), h("span", { class: "tags" }, devicesNote(row)));
  }

  function labRow(row, tops) {
    return h("tr", { "data-key": row.id, "data-href": ht.labHref(row.id), "data-status": row.status },
      labCell(row), td("Status", "state", ht.status(row.status)), targetCell(row),
      td("TAT P90", "tat", h("span", { class: "pair" }, h("span", { class: "number" }, ht.hours(row.tat_p90_h)), ht.sparkline(row.trend && row.trend.tat_p50_daily, tops.tat)), h("span", { class: "note" }, ht.known(row.tat_p50_h) ? `median ${ht.hours(row.tat_p50_h)}` : ""),
        row.clocks_contradict_28d > 0 && h("span", { class: "tag", title: `${ht.leftOut(row.clocks_contradict_28d)}. Last 28 days.` }, ht.shape("triangle", "warn"), `${ht.count(row.clocks_contradict_28d)} not counted`)),
      td("In / out today", "flow", h("span", { class: "number" }, `${ht.count(row.received_today)} / ${ht.count(row.authorised_today)}`)),
      td("Open cases by stage", "wip", h("span", { class: "pair" }, h("span", { class: "number" }, ht.count(row.wip)), ht.stacked(row.stages, tops.wip)), h("span", { class: "note" }, row.overdue_open ? `${ht.count(row.overdue_open)} past target` : "")),
      oldestCell(row), forecastCell(row), freshCell(row));
  }

  const HEADS = [["Lab"], ["Status"], ["In target", "Share of finished cases within the first target; the black tick is the target"], ["TAT P90", "Ninetieth percentile of the turnaround; the line is the daily median of 14 days"], ["In / out", "Cases received and authorised today"], ["Open cases by stage", "From reception, faint, to reporting, strong"], ["Oldest"], ["Forecast", "Open cases expected to miss their target"], ["Last event"]];
  const head = () => h("thead", {}, h("tr", {}, HEADS.map(([name, why]) => h("th", { scope: "col", title: why }, name))));

  function table(rows, chosen) {
    const tops = { wip: Math.max(1, ...rows.map((row) => row.wip || 0)), tat: Math.max(1, ...rows.flatMap((row) => (row.trend && row.trend.tat_p50_daily) || []).filter(ht.known)) };
    const bodies = chosen.order === "network"
      ? [...new Set(rows.map(networkName))].map((name) => h("tbody", { "data-key": `n-${name}` }, h("tr", { class: "group", "data-key": "head" }, h("th", { scope: "rowgroup", colspan: HEADS.length }, name)), rows.filter((row) => networkName(row) === name).map((row) => labRow(row, tops))))
      : [h("tbody", { "data-key": "all" }, rows.map((row) => labRow(row, tops)))];
    return h("table", { class: "board live-values" }, h("caption", { class: "hidden" }, "Laboratories, worst first"), head(), bodies);
  }

  const legend = () => h("p", { class: "legend", "aria-hidden": "true" }, ht.STAGES.map(([name], i) => h("span", {}, h("svg:svg", { viewBox: "0 0 10 10", width: 10, height: 10 }, h("svg:rect", { class: `stage-${i + 1}`, width: 10, height: 10, rx: 1 })), name)));

  // --- the rail ---------------------------------------------------------------------------------------------------------
  /** One entry a lab with all that is wrong there; the longest waiting urgent case first, then errors, then forecasts. */
  function matters(rows) {
    return rows.map((row) => {
      const urgent = row.oldest_urgent && row.oldest_urgent.age_h >= 96 && row.oldest_urgent, failed = (row.devices || {}).error || 0;
      const breaches = Math.round((row.forecast || {}).expected_breaches || 0);
      const said = [
        urgent && h("span", { class: "note" }, "urgent case ", ht.link(ht.caseHref(urgent.case), {}, urgent.case), ` open ${ht.hours(urgent.age_h)}`),
        failed > 0 && h("span", { class: "note" }, `${failed} ${failed === 1 ? "instrument" : "instruments"} in error`),
        breaches > 0 && h("span", { class: "note" }, `${ht.count(breaches)} open ${breaches === 1 ? "case" : "cases"} forecast to breach`),
      ].filter(Boolean);
      return { row, said, mark: urgent ? ["square", "bad"] : failed ? ["cross", "bad"] : ["triangle", "warn"], weight: (urgent ? 1e6 + urgent.age_h : 0) + failed * 1e4 + breaches };
    }).filter(({ said }) => said.length).sort((a, b) => b.weight - a.weight).slice(0, 8);
  }

  function rail(rows, feed) {
    const shown = new Set(rows.map((row) => row.id));
    const list = matters(rows), news = feed.filter((entry) => shown.has(entry.lab)).slice(0, 10);
    return h("aside", { class: "rail live-values", "aria-label": "What needs attention, and what changed" },
      h("section", { class: "card" }, h("h2", {}, "Needs attention"),
        list.length ? h("ul", { class: "plain" }, list.map(({ row, said, mark }) => h("li", { "data-key": row.id }, ht.shape(...mark), h("span", {}, ht.link(ht.labHref(row.id), {}, ht.shortLab(row.name)), said)))) : h("p", { class: "soft" }, "Nothing. No instrument in error, no urgent case over 4 d, no breach forecast.")),
      h("section", { class: "card newest-card" }, h("h2", {}, "Newest"),
        news.length ? h("ul", { class: "plain news" }, news.map((entry) => h("li", { "data-key": entry.key }, h("time", { datetime: entry.at }, ht.seconds(entry.at)), h("span", {}, ht.link(ht.labHref(entry.lab), {}, ht.shortLab(entry.name)), h("span", { class: "note" }, entry.what))))) : h("p", { class: "soft" }, "Changes appear here as they arrive.")));
  }

  // --- the whole ----------------------------------------------------------------------------------------------------------
  function controls(rows, chosen) {
    const networks = [...new Map(rows.map((row) => [row.network, networkName(row)]))].sort((a, b) => a[1].localeCompare(b[1]));
    const select = (name, label, options) => h("label", { class: "choice" }, h("span", {}, label), h("select", { "data-filter": name }, options.map(([value, word]) => h("option", { value, selected: chosen[name] === value }, word))));
    return h("div", { class: "controls" },
      select("network", "Network", [["", "All networks"], ...networks]),
      select("status", "Status", [["", "Any status"], ["late", "Late"], ["at_risk", "At risk"], ["on_target", "On target"], ["no_data", "No data"]]),
      select("order", "Order", [["", "Worst first"], ["network", "By network"], ["name", "By name"]]));
  }

  function draw() {
    const mount = document.getElementById("network-board");
    if (!mount) return;
    const chosen = filters(), all = drawn.rows;
    if (!all.length) {
      ht.draw(mount, ht.live.loaded ? ht.notice("No laboratory to show", "No laboratory is in your scope. An administrator can give you one.") : h("div", { "data-key": "wait" }, ht.skeleton(1, "strip"), ht.skeleton(10)));
      return;
    }
    const rows = arrange(all.filter((row) => (!chosen.network || row.network === chosen.network) && (!chosen.status || row.status === chosen.status)), chosen);
    ht.draw(mount,
      h("div", { class: "page-head" }, h("h1", {}, "Network"), controls(all, chosen)),
      strip(rows.length ? rows : all),
      h("div", { class: "with-rail", "data-key": "body" },
        h("section", { class: "card board-card", "aria-label": "Laboratories" }, rows.length ? [table(rows, chosen), legend()] : ht.notice("No lab fits these filters", "Choose another network or status.")),
        rail(rows, drawn.feed)));
    document.querySelectorAll("#network-board select[data-filter]").forEach((node) => { if (document.activeElement !== node) node.value = chosen[node.dataset.filter]; });
  }

  ht.clientside.drawNetwork = function (board) {
    if (board) drawn = board;
    draw();
    return window.dash_clientside.no_update;
  };
  setInterval(() => { if (document.getElementById("network-board") && ht.live.state() === "live") draw(); }, 5000);
})(window.histotwin);
