// One case or item: what it is, where, since when, what comes next; its family; all that happened to it.
(function (ht) {
  "use strict";
  const h = ht.h;
  let shown = null, answer = null, readAt = 0, reading = false;

  const STATE = {
    running: { shape: "play", cls: "good", word: "in work" }, done: { shape: "disc", cls: "good", word: "done" },
    failed: { shape: "cross", cls: "bad", word: "failed" },
  };
  const AWAY = { rejected: ["cross", "bad"], missing: ["triangle", "warn"], in_transit: ["play", ""], stored: ["square", ""], disposed: ["dash", ""] };
  const label = (one) => one.step_label || (one.step ? ht.stepName(one.step) : "");

  function state(one) {
    if (one.status && AWAY[one.status]) return h("span", { class: "step-state" }, ht.shape(...AWAY[one.status]), ht.words(one.status));
    const { shape, cls, word } = STATE[one.step_state] || { shape: "ring", cls: "", word: "" };
    return h("span", { class: "step-state" }, ht.shape(shape, cls), one.step ? `${label(one)} ${word}`.trim() : one.announced === false ? "Scanned, not announced" : "Waiting to start");
  }

  const place = (one) => (one.station ? `${ht.stepName(one.station)}` : one.step ? label(one) : "not seen yet");

  // --- the answer at the top: where is it now? -----------------------------------------------------------------------
  function fact(term, ...value) { return h("div", {}, h("dt", {}, term), h("dd", {}, value)); }

  function itemHead(one) {
    const next = one.next_step ? ht.stepName(one.next_step) : "nothing more here";
    const work = one.open_work || [];
    return h("section", { class: "card whereabouts" },
      h("p", { class: "kind" }, ht.words(one.kind), one.stain ? `, ${one.stain}` : "", one.announced === false ? h("span", { class: "tag" }, ht.shape("triangle", "warn"), "scanned, but never announced by the LIMS") : null),
      h("h1", { class: "code" }, one.barcode),
      h("p", { class: "answer" }, "At ", h("strong", {}, place(one)), one.since ? [", ", h("strong", {}, ht.since(one.since)), ` (since ${ht.moment(one.since)})`] : null, "."),
      h("dl", { class: "facts-row" }, fact("State", state(one)), fact("Next step", next), fact("Last seen", one.seen_at ? `${ht.since(one.seen_at)} ago` : "never"),
        fact("Laboratory", ht.link(ht.labHref(one.lab), {}, String(one.lab).toUpperCase())), one.case && one.case !== one.barcode ? fact("Case", ht.link(ht.caseHref(one.case), { class: "code" }, one.case)) : null,
        one.run ? fact("Run", h("span", { class: "code" }, one.run)) : null, one.images ? fact("Images", ht.count(one.images)) : null,
        one.aliases && one.aliases.length ? fact("Also known as", h("span", { class: "code" }, one.aliases.join(", "))) : null),
      work.length ? h("p", { class: "work" }, ht.shape("triangle", "warn"), "Work asked for: ", work.map((entry) => [ht.words(entry.kind), entry.stain, entry.on && entry.on !== one.barcode ? `on ${entry.on}` : ""].filter(Boolean).join(" ")).join("; ")) : null);
  }

  function caseHead(one) {
    const clocks = one.clocks || {}, forecast = one.forecast, complete = one.completeness || {};
    const done = clocks.authorised_at;
    const parts = Object.entries(complete.by_kind || {}).map(([kind, { finished, total }]) => `${finished} of ${total} ${kind}${total === 1 ? "" : "s"}`).join(", ");
    return h("section", { class: "card whereabouts" },
      h("p", { class: "kind" }, "Case", one.priority ? [" · ", ht.priority(one.priority)] : null, one.specialty ? ` · ${ht.words(one.specialty)}` : "", one.specimen_type ? ` · ${ht.words(one.specimen_type)}` : ""),
      h("h1", { class: "code" }, one.case),
      done ? h("p", { class: "answer" }, "Authorised ", h("strong", {}, ht.moment(done)), ht.known(one.tat_h) ? [", ", h("strong", {}, ht.hours(one.tat_h)), " after it was received."] : ".")
        : h("p", { class: "answer" }, one.stage ? ["At ", h("strong", {}, ht.stepName(one.stage)), ". "] : null, ht.known(one.age_h) ? ["Received ", h("strong", {}, ht.hours(one.age_h)), ` ago (${ht.moment(clocks.received_at)}).`] : "Not received yet."),
      h("dl", { class: "facts-row" },
        fact("Due", one.due ? [ht.moment(one.due), !done && Date.parse(one.due) < ht.now() ? h("span", { class: "tag tag-bad" }, ht.shape("square", "bad"), "past") : null] : "no target counts it"),
        forecast ? fact("Forecast", `${ht.moment(forecast.p50)}, almost surely by ${ht.moment(forecast.p95)}`) : null,
        forecast ? fact("Chance of breach", `${forecast.breach_probability === null ? "no target counts this case" : ht.percent(forecast.breach_probability * 100)}, forecast ${ht.since(forecast.made_at)} old`) : null,
        parts ? fact("Finished", parts) : null,
        fact("Laboratory", ht.link(ht.labHref(one.lab), {}, one.lab_name || one.lab)), one.pathologist ? fact("Pathologist", one.pathologist) : null,
        clocks.reported_at ? fact("Reported", ht.moment(clocks.reported_at)) : null, ht.known(one.working_age_h) ? fact("Working time so far", ht.hours(one.working_age_h)) : null),
      one.clocks_contradict ? h("p", { class: "work" }, ht.shape("triangle", "warn"), `By the times given it was authorised before it was received (${ht.moment(clocks.received_at)}), so it is in no turnaround figure.`) : null,
      one.open_work && one.open_work.length ? h("p", { class: "work" }, ht.shape("triangle", "warn"), "Work asked for: ", one.open_work.map((entry) => `${ht.words(entry.kind)}${entry.stain ? ` ${entry.stain}` : ""} on ${entry.on}`).join("; ")) : null);
  }

  // --- the family: case, specimens, blocks, slides ---------------------------------------------------------------------
  function family(items, here) {
    const byParent = new Map();
    for (const one of items) byParent.set(one.parent || "", [...(byParent.get(one.parent || "") || []), one]);
    const known = new Set(items.map((one) => one.barcode));
    for (const list of byParent.values()) list.sort((a, b) => a.barcode.localeCompare(b.barcode, "en", { numeric: true }));
    const roots = items.filter((one) => !one.parent || !known.has(one.parent));
    const branch = (one, depth) => h("li", { "data-key": one.barcode }, h("div", { class: `leaf ${one.barcode === here ? "here" : ""}`, "aria-current": one.barcode === here ? "true" : null },
      h("span", { class: `kind-mark kind-${one.kind}` }, ht.words(one.kind)), one.barcode === here ? h("span", { class: "code" }, one.barcode) : ht.link(one.kind === "case" ? ht.caseHref(one.barcode) : ht.itemHref(one.barcode), { class: "code" }, one.barcode),
      one.stain ? h("span", { class: "note" }, one.stain) : null, state(one), h("span", { class: "note since" }, one.since ? ht.since(one.since) : "")),
      depth < 8 && byParent.get(one.barcode) ? h("ul", {}, byParent.get(one.barcode).map((child) => branch(child, depth + 1))) : null);
    const n = items.filter((one) => one.kind !== "case").length;
    return h("section", { class: "card", "aria-labelledby": "family-title" }, h("div", { class: "card-head" }, h("h2", { id: "family-title" }, "Family"), h("p", { class: "note" }, n ? `${n} ${n === 1 ? "item" : "items"}` : "")),
      items.length ? h("ul", { class: "tree" }, roots.map((one) => branch(one, 0))) : h("p", { class: "soft" }, "Nothing else of this case is known yet."));
  }

  // --- everything that happened, newest first --------------------------------------------------------------------------
  const DULL = new Set(["step", "station", "operator", "raw", "symbology", "case", "kind", "parent", "children", "items", "specimens", "received_at"]);
  const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;
  const readable = (value) => (typeof value === "string" && ISO.test(value) ? ht.moment(value) : Array.isArray(value) ? value.map(String).join(", ") : typeof value === "object" && value ? JSON.stringify(value) : String(value));

  /** A clock may say what no calendar here holds: then its own words stand. */
  const clockSaid = (text) => (Number.isFinite(Date.parse(text)) ? `${ht.seconds(text)} on ${ht.date(text)}` : text);

  function entry(event, before) {
    const data = event.data || {}, delta = before ? (Date.parse(event.time) - Date.parse(before.time)) / 1000 : null;
    const late = event.received && Date.parse(event.received) - Date.parse(event.time) > 300000;
    const more = Object.entries(data).filter(([name, value]) => !DULL.has(name) && value !== null && value !== "" && !(Array.isArray(value) && !value.length));
    const made = [...(data.children || [])];
    return h("li", { "data-key": String(event.position), class: /failed|rejected/.test(event.type) ? "bad-event" : "" },
      h("div", { class: "when" }, h("time", { datetime: event.time }, ht.seconds(event.time)), h("span", { class: "note" }, ht.dayMonth(event.time))),
      h("div", { class: "what" }, h("p", { class: "headline" }, ht.eventWords(event)),
        h("p", { class: "note" }, [event.station && `at ${ht.stepName(event.station)}`, event.operator && `by ${event.operator}`, String(event.source || "").split("/").pop()].filter(Boolean).join(", ")),
        data.raw ? h("p", { class: "note" }, "read as ", h("code", { class: "raw-inline" }, data.raw), data.symbology ? ` (${data.symbology})` : "") : null,
        made.length ? h("p", { class: "note" }, "made ", made.slice(0, 12).map((one, i) => [i ? ", " : "", ht.link(ht.itemHref(one), { class: "code" }, one)]), made.length > 12 ? ` and ${made.length - 12} more` : "") : null,
        more.length ? h("p", { class: "note" }, more.slice(0, 8).map(([name, value]) => `${ht.words(name).toLowerCase()}: ${readable(value).slice(0, 120)}`).join(" · ")) : null,
        event.device_time ? h("p", { class: "note" }, ht.shape("triangle", "warn"), ` clock of the device set aside: it said ${clockSaid(event.device_time)}`) : null,
        late ? h("p", { class: "note" }, ht.shape("triangle", "warn"), ` arrived ${ht.duration((Date.parse(event.received) - Date.parse(event.time)) / 1000)} after it happened`) : null),
      h("div", { class: "delta note" }, delta !== null && delta >= 1 ? `+${ht.duration(delta)}` : ""));
  }

  function history(events) {
    const inOrder = [...events].sort((a, b) => Date.parse(a.time) - Date.parse(b.time) || a.position - b.position);
    return h("section", { class: "card", "aria-labelledby": "history-title" }, h("div", { class: "card-head" }, h("h2", { id: "history-title" }, "History"), h("p", { class: "note" }, events.length ? `${events.length} ${events.length === 1 ? "event" : "events"}, newest first` : "")),
      events.length ? h("ol", { class: "history" }, inOrder.map((event, i) => entry(event, inOrder[i - 1])).reverse()) : h("p", { class: "soft" }, "Nothing has happened to it yet."));
  }

  // --- the whole ----------------------------------------------------------------------------------------------------------
  function draw() {
    const mount = document.getElementById("item-board");
    if (!mount) return;
    const { kind, barcode } = mount.dataset;
    if (!answer || shown !== `${kind}/${barcode}`) { ht.draw(mount, h("h1", { class: "code" }, barcode), ht.skeleton(1, "strip"), ht.skeleton(4)); return; }
    if (answer.missing) {
      ht.draw(mount, h("div", { class: "card notice" }, h("h1", {}, "Nothing here by that name"), h("p", {}, "No laboratory in your scope has ", h("code", { class: "raw-inline" }, barcode), "."), h("p", {}, "Scan it again, or type part of the number in the search above."), h("p", {}, ht.link("/", {}, "Go to the network board"))));
      return;
    }
    if (answer.error) { ht.draw(mount, h("h1", { class: "code" }, barcode), h("div", { class: "card" }, ht.failed(answer.error))); return; }
    const one = answer.data, isCase = kind === "cases";
    ht.draw(mount, h("div", { class: "stack-inner" }, isCase ? caseHead(one) : itemHead(one),
      h("div", { class: "item-columns" }, history(one.events || []), family((isCase ? one.items : one.family) || [], isCase ? one.case : one.barcode))));
  }

  async function read(kind, barcode) {
    if (reading) return;
    reading = true;
    const found = await ht.read(`/api/v1/${kind}/${encodeURIComponent(barcode)}`);
    reading = false;
    readAt = Date.now();
    const mount = document.getElementById("item-board");
    if (!mount || mount.dataset.barcode !== barcode) return;
    if (!(found.error && answer && answer.data && shown === `${kind}/${barcode}`)) answer = found; // keep what is on screen
    shown = `${kind}/${barcode}`;
    ht.crumb = barcode;
    draw();
  }

  ht.clientside.drawItem = function () {
    const mount = document.getElementById("item-board");
    if (mount) {
      ht.live.want();
      const { kind, barcode } = mount.dataset, same = shown === `${kind}/${barcode}`;
      if (!same) { answer = null; draw(); }
      if (!same || Date.now() - readAt > 5000) read(kind, barcode); else draw();
    }
    return window.dash_clientside.no_update;
  };
  document.addEventListener("click", (event) => {
    const mount = document.getElementById("item-board");
    if (mount && event.target.closest("[data-retry]")) read(mount.dataset.kind, mount.dataset.barcode);
  });
  setInterval(draw, 10000);
})(window.histotwin);
