// The small drawings of the boards: status, bullet, sparkline, stacked bar. SVG, no chart library: 20 labs in 26 ms.
(function (ht) {
  "use strict";
  const h = ht.h;
  const SHAPES = {
    disc: () => h("svg:circle", { cx: 6, cy: 6, r: 5 }),
    ring: () => h("svg:circle", { cx: 6, cy: 6, r: 4, class: "hollow" }),
    square: () => h("svg:rect", { x: 1, y: 1, width: 10, height: 10, rx: 1 }),
    triangle: () => h("svg:path", { d: "M6 0.8 L11.6 11 H0.4 Z" }),
    cross: () => h("svg:path", { d: "M2 2 L10 10 M10 2 L2 10", class: "stroke" }),
    dash: () => h("svg:path", { d: "M2 6 H10", class: "stroke" }),
    play: () => h("svg:path", { d: "M2.5 1 L11 6 L2.5 11 Z" }),
  };
  ht.shape = (name, cls) => h("svg:svg", { class: `shape ${cls || ""}`, viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true", focusable: "false" }, SHAPES[name]());

  ht.status = function (name) {
    const { word, shape } = ht.statusOf(name);
    return h("span", { class: `status status-${ht.STATUS[name] ? name : "no_data"}` }, ht.shape(shape), h("span", {}, word));
  };

  const round = (x) => Math.round(x * 10) / 10;

  /** Percent within target, from zero; the black tick is the target. */
  ht.bullet = function (percent, target, isLate) {
    const W = 96, H = 14, x = (p) => round((Math.max(0, Math.min(100, p)) / 100) * W);
    return h("svg:svg", { class: "bullet", viewBox: `0 0 ${W} ${H}`, width: W, height: H, "aria-hidden": "true", focusable: "false" },
      h("svg:rect", { class: "track", x: 0, y: 2, width: W, height: H - 4, rx: 2 }),
      ht.known(percent) && h("svg:rect", { class: isLate ? "fill short" : "fill", x: 0, y: 4, width: Math.max(1, x(percent)), height: H - 8, rx: 1 }),
      ht.known(target) && h("svg:rect", { class: "tick", x: x(target) - 1, y: 0, width: 2, height: H }));
  };

  /** A line through the values there are (no case is authorised on a Sunday); `top` is shared down a column so that labs compare. */
  ht.sparkline = function (values, top, W = 72, H = 20) {
    const list = (values || []).map((v) => (ht.known(v) ? Number(v) : null));
    const known = list.filter((v) => v !== null);
    if (known.length < 2) return h("span", { class: "soft" }, "");
    const high = top || Math.max(...known) || 1;
    const x = (i) => round(2 + (i / (list.length - 1)) * (W - 6)), y = (v) => round(H - 2 - (Math.min(v, high) / high) * (H - 4));
    const points = list.map((v, i) => (v === null ? null : `${x(i)},${y(v)}`)).filter(Boolean).join(" ");
    const at = list.length - 1 - [...list].reverse().findIndex((v) => v !== null);
    return h("svg:svg", { class: "spark", viewBox: `0 0 ${W} ${H}`, width: W, height: H, "aria-hidden": "true", focusable: "false" },
      h("svg:path", { class: "base", d: `M0 ${H - 1.5} H${W}` }),
      h("svg:polyline", { points }),
      h("svg:circle", { cx: x(at), cy: y(list[at]), r: 2.2 }));
  };

  /** The route in eight stages, in the order of the work. */
  ht.STAGES = [
    ["Reception", ["reception"]], ["Cut-up", ["cut_up", "decalcification"]], ["Processing", ["processing"]],
    ["Embedding", ["embedding"]], ["Microtomy", ["microtomy"]], ["Staining", ["staining", "coverslipping", "labelling"]],
    ["Scanning and check", ["scanning", "quality_check", "assembly"]], ["Reporting", ["reporting", "authorisation"]],
  ];
  ht.stageCounts = function (stages) {
    const known = new Set(ht.STAGES.flatMap(([, steps]) => steps));
    const counts = ht.STAGES.map(([name, steps]) => ({ name, n: steps.reduce((sum, step) => sum + ((stages || {})[step] || 0), 0) }));
    for (const [step, n] of Object.entries(stages || {})) if (!known.has(step)) counts.push({ name: ht.stepName(step), n });
    return counts;
  };

  /** Work in progress by stage; its length compares labs, its parts the stages. */
  ht.stacked = function (stages, top, W = 150, H = 14) {
    const counts = ht.stageCounts(stages), total = counts.reduce((sum, { n }) => sum + n, 0);
    const scale = (W - 2) / Math.max(top, 1);
    let x = 0;
    const parts = counts.map(({ name, n }, i) => {
      const width = n * scale;
      const part = n > 0 && h("svg:rect", { class: `stage-${Math.min(i, 7) + 1}`, x: round(x), y: 1, width: Math.max(round(width - 0.7), 0.6), height: H - 2 }, h("svg:title", {}, `${name}: ${ht.count(n)}`));
      x += width;
      return part;
    });
    const said = counts.filter(({ n }) => n).map(({ name, n }) => `${name} ${n}`).join(", ");
    return h("svg:svg", { class: "stacked", preserveAspectRatio: "xMinYMid meet", viewBox: `0 0 ${W} ${H}`, width: W, height: H, role: "img", "aria-label": total ? `Work in progress by stage: ${said}` : "No work in progress" }, parts);
  };
})(window.histotwin);
