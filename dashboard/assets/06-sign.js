// The sign in the header: a plain link while all is well; how many troubles there are, when something is wrong.
(function (ht) {
  "use strict";
  const h = ht.h;

  /** "well", "warning", "alarm", or "gone" when the server has been silent for too long. */
  function state(troubles) {
    if (ht.live.state() === "dead" && !ht.live.refused) return "gone";
    return troubles.length ? ht.worst(troubles) : "well";
  }

  const SAYS = {
    well: () => "Health",
    warning: (n) => ht.troubleCount(n),
    alarm: (n) => `Alarm: ${ht.troubleCount(n)}`,
    gone: () => "histotwin does not answer",
  };

  function draw() {
    const node = document.getElementById("trouble-sign");
    if (!node) return;
    const troubles = ht.live.troubles || [], now = state(troubles);
    const first = troubles.find((one) => one.severity === "alarm") || troubles[0];
    ht.draw(node, h("a", { href: "/admin/health", class: `sign sign-${now}`, title: now === "well" || !first ? "How histotwin is" : first.sentence },
      now !== "well" && ht.shape(now === "warning" ? "triangle" : "square"), h("span", {}, SAYS[now](troubles.length))));
  }

  window.addEventListener("histotwin:troubles", draw);
  setInterval(draw, 1000);
  draw();
})(window.histotwin);
