// Refused events: the list with its filters in the address, how many for which reason, corrections in force, open gaps.
(function (ht) {
  "use strict";
  const h = ht.h;
  const PAGE = 50, AGAIN_MS = 5000;
  const STATES = [["", "Waiting"], ["replayed", "Stored since"], ["dismissed", "Set aside"], ["all", "All"]];
  const refused = (ht.refused = { busy: null, said: null });
  let list = null, corrections = [], gaps = [], failed = null, readAt = 0, asked = null, typing = null;

  const mount = () => document.getElementById("refused-board");
  refused.mayChange = () => mount()?.dataset.may !== "no";
  refused.deviceOf = (row) => String(row.source || row.origin || row.device || "").split("/").pop() || ht.none;
  refused.labOf = (lab) => { const row = ht.live.rows.get(lab); return row ? ht.shortLab(row.name) : lab ? String(lab).toUpperCase() : "no laboratory"; };

  /** Sends JSON; answers {data} or {error: sentence}. */
  ht.send = async function (method, path, body) {
    try {
      const answer = await fetch(`/api/v1${path}`, { method, headers: { "content-type": "application/json", accept: "application/json" }, body: body && JSON.stringify(body) });
      const said = await answer.json().catch(() => ({}));
      return answer.ok ? { data: said } : { error: said.detail || `The server answered ${answer.status}.` };
    } catch { return { error: "The server cannot be reached. Nothing was changed; try again." }; }
  };

  // --- the address -------------------------------------------------------------------------------------------------
  const filters = () => {
    const query = new URLSearchParams(window.location.search);
    return Object.fromEntries(["lab", "reason", "state", "q", "id"].map((name) => [name, query.get(name) || ""]));
  };
  refused.filters = filters;
  refused.choose = function (changed) {
    const query = new URLSearchParams(Object.entries({ ...filters(), ...changed }).filter(([, value]) => value)).toString();
    window.history.replaceState({}, "", `/admin/rejected${query ? `?${query}` : ""}`);
    read();
  };
  const asQuery = (chosen, more) => new URLSearchParams(Object.entries({ lab: chosen.lab, reason: chosen.reason, state: chosen.state || "open", q: chosen.q, ...more }).filter(([, value]) => value)).toString();

  // --- reading -------------------------------------------------------------------------------------------------------
  async function read() {
    const chosen = filters(), question = asQuery(chosen, { limit: PAGE });
    asked = question;
    readAt = Date.now();
    const only = chosen.lab ? `?lab=${encodeURIComponent(chosen.lab)}` : "";
    const [page, rules, open] = await Promise.all([ht.read(`/api/v1/rejected-events?${question}`), ht.read(`/api/v1/corrections${only}`), ht.read(`/api/v1/gaps${only}`)]);
    if (asked !== question || !mount()) return;
    failed = page.missing ? "There is no such laboratory, or it is outside your scope." : page.error || null;
    if (page.data) list = { question, rows: page.data.rejected, counts: page.data.counts, next: page.data.next_before };
    if (rules.data) corrections = rules.data.corrections;
    if (open.data) gaps = open.data.gaps;
    draw();
  }
  refused.read = read;

  async function readMore() {
    const page = await ht.read(`/api/v1/rejected-events?${list.question}&before=${list.next}`);
    if (!page.data || asked !== list.question) return;
    const known = new Set(list.rows.map((row) => row.id));
    list = { ...list, rows: [...list.rows, ...page.data.rejected.filter((row) => !known.has(row.id))], next: page.data.next_before };
    draw();
  }

  // --- what can be done with many ------------------------------------------------------------------------------------
  /** Replays all open ones of a reason (and a lab), 5,000 a call, and says how far it is. */
  refused.replayAll = async function (reason, lab) {
    const total = { stored: 0, refused: 0 };
    let after = 0;
    refused.busy = "Replaying…";
    draw();
    do {
      const answer = await ht.send("POST", "/rejected-events/replay", { reason, lab: lab || null, after });
      if (answer.error) { refused.busy = null; refused.said = { bad: true, text: answer.error }; break; }
      const counts = answer.data.counts;
      total.stored += (counts.accepted || 0) + (counts.duplicate || 0);
      total.refused += (counts.rejected || 0) + (counts.conflict || 0);
      after = answer.data.next_after;
      refused.busy = after ? `Replaying: ${ht.count(total.stored)} stored so far…` : null;
      refused.said = { bad: total.refused > 0, text: refused.tell(total) };
      draw();
    } while (after);
    read();
    return refused.said;
  };
  const many = (n, one, more) => `${ht.count(n)} ${n === 1 ? one : more}`;
  refused.tell = ({ stored, refused: still }) => [stored ? `${many(stored, "event is", "events are")} stored now.` : "", still ? `${many(still, "event is", "events are")} still refused; each says why.` : ""].filter(Boolean).join(" ") || "There was nothing to replay.";

  // --- drawing ---------------------------------------------------------------------------------------------------------
  const select = (name, label, options, value) => h("label", { class: "choice" }, h("span", {}, label), h("select", { "data-refused": name }, options.map(([key, word]) => h("option", { value: key, selected: value === key }, word))));

  function controls(chosen) {
    const labs = [...ht.live.rows.values()].map((row) => [row.id, ht.shortLab(row.name)]).sort((a, b) => a[1].localeCompare(b[1]));
    if (chosen.lab && !labs.some(([id]) => id === chosen.lab)) labs.unshift([chosen.lab, chosen.lab.toUpperCase()]);
    return h("div", { class: "controls" },
      labs.length > 1 && select("lab", "Laboratory", [["", "All"], ...labs], chosen.lab),
      select("state", "Show", STATES, chosen.state),
      h("label", { class: "choice" }, h("span", {}, "Find"), h("input", { type: "search", class: "field", "data-refused": "q", value: chosen.q, placeholder: "text, device or id", spellcheck: "false", autocomplete: "off" })));
  }

  function reasons(chosen) {
    const counts = { ...list.counts.reason };
    if (chosen.reason && !(chosen.reason in counts)) counts[chosen.reason] = 0;
    const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
    if (!Object.keys(counts).length) return null;
    const chip = (reason, word, n) => h("li", { "data-key": `c-${reason}` }, h("button", { type: "button", class: "chip", "data-reason": reason, "aria-pressed": String(chosen.reason === reason) }, word, h("span", { class: "number" }, ht.count(n))));
    return h("ul", { class: "chips", "aria-label": "By reason" }, chip("", "All reasons", total), Object.entries(counts).map(([reason, n]) => chip(reason, ht.words(reason), n)));
  }

  const STATE = { open: ["cross", "bad", "waiting"], replayed: ["disc", "good", "stored since"], dismissed: ["dash", "", "set aside"] };
  refused.state = (row) => h("span", { class: "step-state" }, ht.shape(STATE[row.state][0], STATE[row.state][1]), STATE[row.state][2]);

  /** What an event was about; of what is no event its first letters. */
  function said(row) {
    if (row.event_type) return h("span", { class: "note" }, [ht.words(row.event_type.replace(/^histotwin\./, "")), row.subject && `of ${row.subject}`, row.event_id && `id ${row.event_id}`].filter(Boolean).join(", "));
    return row.text ? h("span", { class: "raw code" }, row.text.slice(0, 140)) : null;
  }

  function line(row) {
    const td = (label, ...children) => h("td", { "data-label": label }, children);
    return h("tr", { "data-key": `r-${row.id}`, "data-open": row.id },
      h("th", { scope: "row", class: "why" }, h("button", { type: "button", class: "as-link", "data-open": row.id }, row.message),
        said(row),
        row.state === "open" && row.note ? h("span", { class: "note" }, `Last tried by ${row.person}: ${row.note}`) : null),
      td("State", refused.state(row)), td("Device", h("span", { class: "code" }, refused.deviceOf(row))), td("Laboratory", refused.labOf(row.lab)),
      td("Last came", ht.ago(row.last_at)), td("Times", ht.count(row.times)));
  }

  function table(chosen) {
    const heads = ["Why", "State", "Device", "Laboratory", "Last came", "Times"];
    const open = list.counts.reason[chosen.reason] || 0, isOpen = !chosen.state, all = Object.values(list.counts.reason).reduce((sum, n) => sum + n, 0);
    const canReplay = refused.mayChange() && isOpen && chosen.reason && chosen.reason !== "identity_conflict" && open > 0 && !chosen.q;
    return h("section", { class: "card board-card", "data-key": "list", "aria-label": "Refused events" },
      (canReplay || refused.busy || refused.said) && h("div", { class: "bar", "data-key": "bar" },
        canReplay && h("button", { type: "button", class: "button", "data-all": "1", disabled: Boolean(refused.busy) }, `Replay all ${ht.count(open)} with this reason`),
        h("p", { role: "status", class: refused.said && refused.said.bad ? "said said-bad" : "said" }, refused.busy || (refused.said && refused.said.text) || "")),
      list.rows.length ? h("table", { class: "list refused-list", "data-key": "table" }, h("thead", {}, h("tr", {}, heads.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, list.rows.map(line)))
        : isOpen && !all && !chosen.q ? ht.notice("Nothing was refused.", "Everything that came could be stored, or somebody has dealt with it.") : ht.notice("Nothing fits these filters", "Choose another reason, state or laboratory."),
      list.next && h("p", { class: "more", "data-key": "more" }, h("button", { type: "button", class: "button", "data-more": "1" }, "Show more")));
  }

  const FIELD = { step: "Step", source: "Device", barcode: "Barcode", station: "Station" };
  refused.fieldWord = (field) => FIELD[field] || ht.words(field);

  function rules() {
    const td = (label, ...children) => h("td", { "data-label": label }, children);
    return h("section", { class: "card", "data-key": "rules", "aria-labelledby": "rules-title" },
      h("div", { class: "card-head" }, h("h2", { id: "rules-title" }, "Corrections in force"), h("p", { class: "note" }, "used only when an event is refused as it came")),
      corrections.length ? h("div", { class: "scroll" }, h("table", { class: "list wraps" }, h("thead", {}, h("tr", {}, ["Given", "Means", "Field", "Laboratory", "Why", "By", ""].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, corrections.map((one) => h("tr", { "data-key": `k-${one.id}` }, h("th", { scope: "row" }, h("code", { class: "raw-inline" }, one.given)), td("Means", h("code", { class: "raw-inline" }, one.meant)), td("Field", refused.fieldWord(one.field)), td("Laboratory", refused.labOf(one.lab)),
          td("Why", one.reason), td("By", `${one.person}, ${ht.moment(one.made_at)}`), td("", refused.mayChange() ? h("button", { type: "button", class: "button small", "data-end": one.id, "aria-label": `End the correction of ${one.given}` }, "End") : null))))))
        : h("p", { class: "soft" }, "None. Open a refused event to say what a wrong word in it means."));
  }

  function missing() {
    const td = (label, ...children) => h("td", { "data-label": label }, children);
    return h("section", { class: "card", "data-key": "gaps", "aria-labelledby": "gaps-title" },
      h("div", { class: "card-head" }, h("h2", { id: "gaps-title" }, "Events that are missing"), h("p", { class: "note" }, gaps.length ? "each device is asked for them again by itself" : "")),
      gaps.length ? h("div", { class: "scroll" }, h("table", { class: "list" }, h("thead", {}, h("tr", {}, ["Device", "Missing", "Count", "Known for", "Laboratory", ""].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, gaps.map((gap, i) => h("tr", { "data-key": `g-${gap.device}-${gap.boot}-${gap.first}` }, h("th", { scope: "row" }, h("span", { class: "code" }, refused.deviceOf(gap)), h("span", { class: "note" }, ` since its start ${gap.boot}`)),
          td("Missing", gap.count === 1 ? `number ${gap.first}` : `numbers ${gap.first} to ${gap.last}`), td("Count", ht.count(gap.count)), td("Known for", ht.since(gap.since)), td("Laboratory", refused.labOf(gap.lab)),
          td("", refused.mayChange() ? h("button", { type: "button", class: "button small", "data-gap": i, "aria-label": `Close the gap of ${refused.deviceOf(gap)}` }, "Close…") : null))))))
        : h("p", { class: "soft" }, "None: what every device has counted is here."));
  }

  function draw() {
    const node = mount();
    if (!node) return;
    const chosen = filters();
    const head = h("div", { class: "page-head", "data-key": "head" }, h("div", {}, h("h1", {}, "Refused events"), h("p", { class: "note" }, "What came and could not be stored. Every byte is kept until somebody decides.")), controls(chosen));
    if (failed && !list) { ht.draw(node, h("div", { class: "stack-inner" }, head, h("div", { class: "card" }, ht.failed(failed)))); return; }
    if (!list) { ht.draw(node, h("div", { class: "stack-inner" }, head, ht.skeleton(6))); return; }
    ht.draw(node, h("div", { class: "stack-inner" }, head,
      failed && h("p", { class: "said said-bad", role: "alert", "data-key": "failed" }, failed), reasons(chosen), table(chosen), missing(), rules()));
    node.querySelectorAll("[data-refused]").forEach((one) => { if (document.activeElement !== one) one.value = chosen[one.dataset.refused]; });
  }
  refused.draw = draw;

  // --- what the reader does -----------------------------------------------------------------------------------------------
  document.addEventListener("change", (event) => {
    const name = event.target.dataset?.refused;
    if (name && name !== "q") { refused.said = null; refused.choose({ [name]: event.target.value, ...(name === "state" ? { reason: "" } : {}) }); }
  });
  document.addEventListener("input", (event) => {
    if (event.target.dataset?.refused !== "q") return;
    const text = event.target.value;
    clearTimeout(typing);
    typing = setTimeout(() => refused.choose({ q: text.trim() }), 300);
  });
  document.addEventListener("click", async (event) => {
    const node = mount(), at = (name) => event.target.closest(`[data-${name}]`);
    if (!node || !node.contains(event.target)) return;
    if (at("retry")) read();
    else if (at("more")) readMore();
    else if (at("all")) refused.replayAll(filters().reason, filters().lab);
    else if (at("reason")) { refused.said = null; refused.choose({ reason: at("reason").dataset.reason }); }
    else if (at("gap")) refused.closeGap(gaps[Number(at("gap").dataset.gap)]);
    else if (at("end")) {
      const answer = await ht.send("DELETE", `/corrections/${at("end").dataset.end}`);
      refused.said = answer.error ? { bad: true, text: answer.error } : { text: "The correction has ended; what it has put right stays." };
      read();
    } else if (at("open") && !String(window.getSelection())) refused.open(Number(at("open").dataset.open));
  });

  ht.clientside.drawRefused = function () {
    const node = mount();
    if (node) {
      ht.live.want();
      if (asked === null || !list || node.childElementCount === 0) { list = null; draw(); read().then(() => { const { id } = filters(); if (id) refused.open(Number(id)); }); }
      else if (Date.now() - readAt > AGAIN_MS && !refused.busy) read();
      else draw();
    }
    return window.dash_clientside.no_update;
  };
})(window.histotwin);
