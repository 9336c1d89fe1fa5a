// How things are said: durations, times, counts, states. One place, so that every page says them alike.
(function (ht) {
  "use strict";
  const THIN = "\u202f";
  const formats = new Map();

  function format(zone, options) {
    const key = zone + JSON.stringify(options);
    if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options }));
    return formats.get(key);
  }

  /** Server time now in ms: what the server last said plus what has passed here, so a wrong PC clock does no harm. */
  let offset = 0;
  ht.serverTime = (iso) => { const ms = Date.parse(iso); if (Number.isFinite(ms)) offset = ms - Date.now(); };
  ht.now = () => Date.now() + offset;

  ht.zone = "Europe/London";
  ht.none = "–";
  ht.known = (value) => value !== null && value !== undefined && !Number.isNaN(value);
  ht.count = (n) => (ht.known(n) ? String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, THIN) : ht.none);
  ht.percent = (p) => (ht.known(p) ? `${Math.round(p)}${THIN}%` : ht.none);

  /** "12 s", "45 min", "3 h 20 min", "1 d 3 h"; at most two units. */
  ht.duration = function (seconds) {
    if (!ht.known(seconds)) return ht.none;
    const s = Math.max(0, Math.round(seconds));
    if (s < 60) return `${s} s`;
    const min = Math.round(s / 60);
    if (min < 60) return `${min} min`;
    if (min < 600) return min % 60 ? `${Math.floor(min / 60)} h ${min % 60} min` : `${min / 60} h`;
    const h = Math.round(s / 3600);
    if (h < 24) return `${h} h`;
    return h % 24 ? `${Math.floor(h / 24)} d ${h % 24} h` : `${h / 24} d`;
  };
  ht.hours = (h) => ht.duration(ht.known(h) ? h * 3600 : null);
  /** The same with one unit under a day, for narrow places: "45 min", "7 h", "1 d 3 h". */
  ht.brief = (h) => (!ht.known(h) ? ht.none : h <= 0 ? "0 min" : h < 1 ? `${Math.round(h * 60)} min` : h < 24 ? `${Math.round(h)} h` : h < 72 ? ht.hours(h) : `${Math.round(h / 24)} d`);
  ht.since = (iso) => (iso ? ht.duration((ht.now() - Date.parse(iso)) / 1000) : ht.none);

  ht.time = (iso, zone) => (iso ? format(zone || ht.zone, { hour: "2-digit", minute: "2-digit" }).format(new Date(iso)) : ht.none);
  ht.seconds = (iso, zone) => format(zone || ht.zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(iso));
  ht.date = (iso, zone) => (iso ? format(zone || ht.zone, { day: "numeric", month: "short", year: "numeric" }).format(new Date(iso)).replace("Sept", "Sep") : ht.none);
  ht.dayMonth = (iso, zone) => format(zone || ht.zone, { day: "numeric", month: "short" }).format(new Date(iso)).replace("Sept", "Sep");

  /** "14:32" today, "14:32, 20 Nov" on another day, with the year in another year. */
  ht.moment = function (iso, zone) {
    if (!iso) return ht.none;
    const day = ht.date(iso, zone);
    const today = ht.date(new Date(ht.now()).toISOString(), zone);
    if (day === today) return ht.time(iso, zone);
    return `${ht.time(iso, zone)}, ${day.slice(-4) === today.slice(-4) ? ht.dayMonth(iso, zone) : day}`;
  };

  /** "12 min ago"; the date when it is more than three days back. */
  ht.ago = (iso) => (!iso ? ht.none : ht.now() - Date.parse(iso) < 3 * 86400000 ? `${ht.since(iso)} ago` : ht.date(iso));

  ht.words = (machine) => {
    const text = String(machine ?? "").replace(/[_.]/g, " ").trim();
    return text ? text[0].toUpperCase() + text.slice(1) : ht.none;
  };
  ht.stepName = (step) => ({ cut_up: "Cut-up" })[step] || ht.words(step);
  ht.shortLab = (name) => {
    const short = String(name ?? "").replace(/\s+(University\s+)?NHS( Foundation)? Trust$/i, "").replace(/\s+NHS (FT|Trust)$/i, "");
    return short.replace(/^The\s+/, "").replace(/\s+Trust$/, "").replace(/\s+NHS Foundation Trust$/, "") || String(name ?? "");
  };
  ht.STATUS = {
    late: { word: "Late", shape: "square", rank: 0 },
    at_risk: { word: "At risk", shape: "triangle", rank: 1 },
    on_target: { word: "On target", shape: "disc", rank: 2 },
    no_data: { word: "No data", shape: "ring", rank: 3 },
  };
  ht.SEVERITY = { alarm: { word: "Alarm", shape: "square", cls: "bad" }, warning: { word: "Warning", shape: "triangle", cls: "warn" } };
  ht.severityOf = (name) => ht.SEVERITY[name] || ht.SEVERITY.warning;
  ht.worst = (troubles) => (troubles.some((one) => one.severity === "alarm") ? "alarm" : "warning");
  ht.troubleCount = (n) => `${ht.count(n)} ${n === 1 ? "trouble" : "troubles"}`;

  /** Why some finished cases are in no figure. */
  ht.leftOut = (n) => `${ht.count(n)} finished ${n === 1 ? "case is" : "cases are"} not counted: by the times given, authorised before received`;
  ht.statusOf = (name) => ht.STATUS[name] || ht.STATUS.no_data;
})(window.histotwin);
