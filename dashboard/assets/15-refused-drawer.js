// One refused event beside the list: why, its bytes, how it differs from what is stored, and what can be done about it.
(function (ht) {
  "use strict";
  const h = ht.h, refused = ht.refused;
  const MOST_SHOWN = 16384;
  let shown = null, row = null, form = null, said = null, view = null, choices = null, isBusy = false, gap = null;

  const drawer = () => document.getElementById("refused-drawer");

  // --- the bytes --------------------------------------------------------------------------------------------------
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

  /** Sixteen bytes a line: place, hexadecimal, letters. */
  function hex(bytes) {
    const lines = [];
    for (let i = 0; i < Math.min(bytes.length, MOST_SHOWN / 4); i += 16) {
      const some = [...bytes.slice(i, i + 16)];
      const letters = some.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : "·")).join("");
      lines.push(`${i.toString(16).padStart(4, "0")}  ${some.map((b) => b.toString(16).padStart(2, "0")).join(" ").padEnd(47)}  ${letters}`);
    }
    return lines.join("\n");
  }

  function formatted(text) {
    try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return null; }
  }

  function content() {
    const pretty = row.text === null ? null : formatted(row.text);
    const views = [pretty && ["pretty", "Laid out"], row.text !== null && ["text", "As it came"], ["hex", "Bytes"]].filter(Boolean);
    const now = views.some(([name]) => name === view) ? view : views[0][0];
    const text = now === "pretty" ? pretty : now === "text" ? row.text : hex(bytesOf(row.base64));
    return h("section", { "data-key": "content" }, h("div", { class: "card-head" }, h("h3", {}, `What came, ${ht.count(row.bytes)} bytes`),
      h("div", { class: "views", role: "group", "aria-label": "How the bytes are shown" }, views.map(([name, word]) => h("button", { type: "button", class: "chip", "data-view": name, "aria-pressed": String(name === now) }, word)), h("a", { class: "chip", href: `/api/v1/rejected-events/${row.id}/bytes`, download: `refused-${row.id}.bin` }, "Download"))),
      h("pre", { class: "bytes", tabindex: "0", "aria-label": "Content of the message" }, text.slice(0, MOST_SHOWN)),
      text.length > MOST_SHOWN ? h("p", { class: "note" }, "Only the beginning is shown; the download has all.") : null);
  }

  const said1 = (value) => (value === null || value === undefined ? h("span", { class: "soft" }, "not there") : h("code", { class: "raw-inline" }, typeof value === "string" ? value : JSON.stringify(value)));

  function conflict() {
    const found = row.conflict;
    if (!found) return h("p", { class: "soft", "data-key": "conflict" }, "The event that is stored under this name could not be found any more.");
    return h("section", { "data-key": "conflict" }, h("h3", {}, `How it differs from what is stored (position ${found.position}, received ${ht.moment(found.received_at)})`),
      found.stored === null ? h("p", { class: "soft" }, "That event is in an archive; here only its name is known.")
        : h("table", { class: "list wraps differences" }, h("thead", {}, h("tr", {}, ["Field", "Stored", "Came"].map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", {}, found.differences.map((one) => h("tr", { "data-key": one.field }, h("th", { scope: "row", class: "code" }, one.field), h("td", { "data-label": "Stored" }, said1(one.stored)), h("td", { "data-label": "Came" }, said1(one.came)))))),
      h("p", { class: "note" }, "Two different events with one name: the first stays stored. Find out why the sender used a name twice, then set this one aside."));
  }

  // --- the facts ----------------------------------------------------------------------------------------------------
  const fact = (term, ...value) => h("div", { "data-key": term }, h("dt", {}, term), h("dd", {}, value));

  function facts() {
    return h("dl", { class: "facts-row", "data-key": "facts" }, fact("State", refused.state(row)), fact("Device", h("span", { class: "code" }, row.source || row.origin || ht.none)), fact("Laboratory", refused.labOf(row.lab)),
      fact(row.channel.includes("/") ? "Topic" : "Came by", h("span", { class: "code" }, row.channel)), row.event_type ? fact("Type", ht.words(row.event_type.replace(/^histotwin\./, ""))) : null, row.subject ? fact("About", h("span", { class: "code" }, row.subject)) : null, row.event_id ? fact("Event id", h("span", { class: "code" }, row.event_id)) : null,
      fact("First came", ht.moment(row.first_at)), fact("Last came", ht.moment(row.last_at)), fact("Times", ht.count(row.times)), row.position ? fact("Stored at", `position ${row.position}`) : null);
  }

  function lastAct() {
    if (!row.person) return null;
    const did = { open: "Last dealt with", replayed: "Stored", dismissed: "Set aside" }[row.state];
    return h("p", { class: "note", "data-key": "act" }, `${did} by ${row.person}, ${ht.moment(row.acted_at)}${row.note ? `: ${row.note}` : ""}`);
  }

  // --- what can be done -------------------------------------------------------------------------------------------------
  const button = (act, word, more) => h("button", { type: "button", class: "button", "data-act": act, disabled: isBusy, ...more }, word);

  function actions() {
    if (!refused.mayChange()) return h("p", { class: "note", "data-key": "actions" }, "A manager can replay, correct or set aside.");
    if (row.state === "replayed") return null;
    if (row.state === "dismissed") return h("div", { class: "actions", "data-key": "actions" }, button("reopen", "Take it up again…"));
    const isConflict = row.reason === "identity_conflict";
    return h("div", { class: "actions", "data-key": "actions" }, !isConflict && button("replay", "Replay"), !isConflict && button("rehearse", "Try without storing"),
      row.can_correct && row.can_correct.length ? button("correct", "Correct…", { "aria-expanded": String(form === "correct") }) : null, button("dismiss", "Set aside…", { "aria-expanded": String(form === "dismiss") }));
  }

  const field = (id, label, input, hint) => h("div", { class: "form-row", "data-key": id }, h("label", { for: id }, label), hint ? h("p", { class: "note" }, hint) : null, input);
  const textField = (id, label, hint, more) => field(id, label, h("input", { id, name: id, class: "field", type: "text", maxlength: 256, required: true, autocomplete: "off", spellcheck: "false", ...more }), hint);

  function noteForm(act, heading, label, word) {
    return h("form", { class: "panel", "data-form": act, "data-key": `f-${act}` }, h("h3", {}, heading), textField("note", label), h("div", { class: "actions" }, h("button", { type: "submit", class: "button button-main", disabled: isBusy }, word), h("button", { type: "button", class: "button", "data-act": "cancel" }, "Cancel")));
  }

  function correctForm() {
    const options = row.can_correct, at = Math.min(Number(form && drawer().querySelector("#wrong")?.value) || 0, options.length - 1), chosen = options[at];
    const known = choices && choices[chosen.field];
    const meant = known ? h("select", { id: "meant", name: "meant", required: true, "data-key": `meant-${chosen.field}` }, h("option", { value: "" }, "Choose…"), known.map((one) => h("option", { value: one.value }, one.label)))
      : h("input", { id: "meant", name: "meant", class: "field", type: "text", maxlength: 256, required: true, autocomplete: "off", spellcheck: "false", "data-key": "meant-text" });
    return h("form", { class: "panel", "data-form": "correct", "data-key": "f-correct" }, h("h3", {}, "Say what is meant"),
      field("wrong", "What is wrong", h("select", { id: "wrong", name: "wrong" }, options.map((one, i) => h("option", { value: i }, `${refused.fieldWord(one.field)} ${one.given.slice(0, 80)}`)))),
      field("meant", `What “${chosen.given.slice(0, 80)}” means in ${refused.labOf(row.lab)}`, meant, known ? null : "Type or scan the right barcode."),
      textField("why", "Why", "It is kept with your name, and holds until somebody ends it."),
      h("div", { class: "actions" }, h("button", { type: "submit", class: "button button-main", disabled: isBusy }, "Save and replay"), h("button", { type: "button", class: "button", "data-act": "cancel" }, "Cancel")));
  }

  function forms() {
    if (form === "dismiss") return noteForm("dismiss", "Set this event aside", "Why it need not be stored", "Set aside");
    if (form === "reopen") return noteForm("reopen", "Take this event up again", "Why", "Take up again");
    return form === "correct" ? correctForm() : null;
  }

  function gapForm() {
    return h("form", { class: "panel", "data-form": "gap", "data-key": "f-gap" },
      h("p", {}, "Say this only when you know that these events are lost: its device then need not keep them. It is written into the log with your name."),
      h("div", { class: "pair-row" }, textField("first", "From number", null, { inputmode: "numeric", pattern: "[0-9]+", value: gap.first }), textField("last", "to number", null, { inputmode: "numeric", pattern: "[0-9]+", value: gap.last })),
      textField("why", "Why they will not come"),
      h("div", { class: "actions" }, h("button", { type: "submit", class: "button button-main", disabled: isBusy }, "Close the gap"), h("button", { type: "button", class: "button", "data-act": "close" }, "Cancel")));
  }

  // --- drawing --------------------------------------------------------------------------------------------------------------
  const head = (title) => h("div", { class: "drawer-head", "data-key": "head" }, h("h2", { id: "drawer-title", tabindex: "-1" }, title), h("button", { type: "button", class: "icon-button", "data-act": "close", "aria-label": "Close" }, h("svg:svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, h("svg:path", { d: "M5 5 19 19 M19 5 5 19" }))));
  const message = () => h("p", { role: "status", "data-key": "said", class: said && said.bad ? "said said-bad" : "said" }, said ? said.text : "");

  function draw() {
    const node = drawer();
    if (!node || !node.open) return;
    if (gap) { ht.draw(node, head(`Events missing of ${refused.deviceOf(gap)}`), message(), gapForm()); return; }
    if (!row) { ht.draw(node, head(shown && shown.error ? "This cannot be shown" : "Refused event"), shown && shown.error ? h("p", { class: "soft", "data-key": "none" }, shown.error) : ht.skeleton(5)); return; }
    ht.draw(node, head(row.message), facts(), lastAct(), actions(), message(), forms(), said && said.all ? h("div", { class: "actions", "data-key": "all" }, button("all", "Replay all others with this reason")) : null,
      row.reason === "identity_conflict" ? conflict() : null, content());
  }

  function show() {
    const node = drawer();
    if (!node) return false;
    if (!node.open) node.showModal();
    draw();
    return true;
  }

  async function read() {
    const id = shown.id, answer = await ht.read(`/api/v1/rejected-events/${id}`);
    if (!shown || shown.id !== id) return;
    if (answer.data) row = answer.data;
    else shown.error = answer.error || "There is no such event, or it belongs to a laboratory outside your scope.";
    draw();
  }

  refused.open = function (id) {
    shown = { id }; row = gap = form = said = view = choices = null;
    isBusy = false;
    if (!show()) return;
    refused.choose({ id: String(id) });
    read().then(() => drawer()?.querySelector("#drawer-title")?.focus());
  };
  refused.closeGap = function (one) {
    gap = one; row = shown = form = said = null;
    isBusy = false;
    if (show()) drawer().querySelector("#why").focus();
  };

  async function work(asking, tell) {
    isBusy = true;
    draw();
    const answer = await asking();
    isBusy = false;
    if (answer.error) said = { bad: true, text: answer.error }; else { form = null; said = tell(answer.data); }
    if (shown) await read(); else draw();
    if (!answer.error) refused.read();
    return answer;
  }

  const outcome = (data, isTrial) => {
    const receipt = data.results[0].receipt, isStored = receipt && ["accepted", "duplicate"].includes(receipt.fate);
    if (!receipt) return { text: "It was dealt with already." };
    if (isTrial) return { bad: !isStored, text: isStored ? `It would be stored. ${receipt.message}` : `It would be refused again: ${receipt.message}` };
    return { bad: !isStored, all: isStored, text: isStored ? `It is stored now, at position ${receipt.position}.` : `Refused again: ${receipt.message}` };
  };
  const replay = (isTrial) => work(() => ht.send("POST", "/rejected-events/replay", { ids: [row.id], dry_run: isTrial }), (data) => outcome(data, isTrial));

  async function correct(values) {
    const chosen = row.can_correct[Number(values.wrong)];
    const saved = await work(() => ht.send("POST", "/corrections", { lab: row.lab, field: chosen.field, given: chosen.given, meant: values.meant, reason: values.why }), () => null);
    if (!saved.error) await replay(false);
  }

  const SUBMIT = {
    correct,
    dismiss: (values) => work(() => ht.send("POST", "/rejected-events/dismiss", { ids: [row.id], note: values.note }), () => ({ text: "Set aside. It stays in the list and can be taken up again." })),
    reopen: (values) => work(() => ht.send("POST", "/rejected-events/reopen", { ids: [row.id], note: values.note }), () => ({ text: "It waits again." })),
    gap: (values) => work(() => ht.send("POST", "/gaps/close", { device: gap.device, boot: gap.boot, first: Number(values.first), last: Number(values.last), reason: values.why }), (data) => ({ bad: data.verdict === "rejected", text: data.verdict === "rejected" ? data.message : "The gap is closed." }))
      .then((answer) => { if (!answer.error && answer.data.verdict !== "rejected") close(); }),
  };

  async function openForm(name) {
    form = form === name ? null : name;
    said = null;
    if (form === "correct" && !choices) {
      const answer = await ht.read(`/api/v1/corrections?lab=${encodeURIComponent(row.lab)}`);
      choices = (answer.data && answer.data.choices) || {};
    }
    draw();
    drawer().querySelector("form select, form input")?.focus();
  }

  function close() { drawer()?.close(); }

  async function all() {
    const { reason, lab } = row;
    isBusy = true;
    draw();
    said = await refused.replayAll(reason, lab);
    isBusy = false;
    draw();
  }

  // --- what the reader does -----------------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const node = drawer();
    if (!node || !node.contains(event.target)) return;
    const act = event.target.closest("[data-act]")?.dataset.act, next = event.target.closest("[data-view]")?.dataset.view;
    if (event.target === node) { const box = node.getBoundingClientRect(); if (event.clientX < box.left) close(); }
    else if (next) { view = next; draw(); }
    else if (act === "close") close();
    else if (act === "cancel") { form = null; draw(); }
    else if (act === "all") all();
    else if (act === "replay" || act === "rehearse") replay(act === "rehearse");
    else if (act) openForm(act);
  });
  document.addEventListener("change", (event) => { if (event.target.id === "wrong" && drawer()?.contains(event.target)) draw(); });
  document.addEventListener("submit", (event) => {
    const name = event.target.dataset?.form;
    if (!name || !SUBMIT[name]) return;
    event.preventDefault();
    if (!isBusy) SUBMIT[name](Object.fromEntries(new FormData(event.target)));
  });
  document.addEventListener("close", (event) => {
    if (event.target.id !== "refused-drawer") return;
    const id = shown && shown.id;
    shown = row = gap = form = said = null;
    if (refused.filters().id) refused.choose({ id: "" });
    if (id) document.querySelector(`button[data-open="${id}"]`)?.focus();
  }, true);
})(window.histotwin);
