// What a search or a scan found. One hit opens at once; several are listed; none says what was read.
(function (ht) {
  "use strict";
  const h = ht.h;
  let asked = null;

  const hrefOf = (hit) => (hit.kind === "case" ? ht.caseHref(hit.barcode || hit.case) : hit.kind === "lab" ? ht.labHref(hit.lab || hit.id) : ht.itemHref(hit.barcode));

  const HEADS = ["Barcode", "What", "Laboratory", "Last step", "Last event"];
  const td = (label, text) => h("td", { "data-label": label }, text);
  const step = (hit) => (hit.step ? `${ht.stepName(hit.step)}${{ running: ", in work", failed: ", failed" }[hit.step_state] || ""}` : ht.none);

  function line(hit) {
    return h("tr", { "data-key": `${hit.lab}/${hit.barcode}`, "data-href": hrefOf(hit) },
      h("th", { scope: "row" }, ht.link(hrefOf(hit), { class: "code" }, hit.barcode)),
      td("What", ht.words(hit.kind)), td("Laboratory", ht.shortLab(hit.lab_name || hit.lab)),
      td("Last step", step(hit)), td("Last event", ht.ago(hit.last_event_at)));
  }

  function hits(list, q) {
    const many = list.length >= 20 ? "The first 20" : list.length;
    return h("div", {}, h("div", { class: "page-head" }, h("h1", {}, `${many} found for “${q}”`)),
      h("section", { class: "card board-card" }, h("table", { class: "list" },
        h("thead", {}, h("tr", {}, HEADS.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, list.map(line)))));
  }

  function nothing(q) {
    return h("div", { class: "card notice" }, h("h1", {}, "Nothing found"), h("p", {}, "Read as ", h("code", { class: "raw-inline" }, q), ". No case, specimen, block or slide in your scope has this number."),
      h("p", {}, "A part of the number is enough, for example 26-000123. If a label was scanned, scan it again; a worn label can be read wrongly."));
  }

  async function look(mount, q) {
    if (!q) { ht.draw(mount, h("div", { class: "card notice" }, h("h1", {}, "Search"), h("p", {}, "Type or scan a case, specimen, block or slide in the box above."))); return; }
    ht.draw(mount, h("h1", { class: "hidden" }, "Search"), ht.skeleton(4));
    const answer = await ht.read(`/api/v1/search?q=${encodeURIComponent(q)}`);
    if (asked !== q || !document.getElementById("search-board")) return;
    const list = answer.data ? answer.data.results || answer.data.items || answer.data.hits || [] : [];
    if (answer.error) ht.draw(mount, h("h1", {}, "Search"), h("div", { class: "card" }, ht.failed(answer.error)));
    else if (list.length === 1) { window.history.replaceState({}, "", hrefOf(list[0])); window.dispatchEvent(new CustomEvent("_dashprivate_pushstate")); }
    else ht.draw(mount, list.length ? hits(list, q) : nothing(q));
  }

  ht.clientside.drawSearch = function (q) {
    const mount = document.getElementById("search-board");
    ht.live.want();
    asked = q;
    if (mount) look(mount, q);
    return window.dash_clientside.no_update;
  };
  document.addEventListener("click", (event) => {
    const mount = document.getElementById("search-board");
    if (mount && event.target.closest("[data-retry]")) look(mount, asked);
  });
})(window.histotwin);
