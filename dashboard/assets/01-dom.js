// Builds and updates what is on screen. Text only ever enters as text nodes, so nothing that was scanned can run.
(function (ht) {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";

  /** h("td", {class: "n"}, child…); "svg:rect" makes an SVG element. null, undefined and false are left out. */
  ht.h = function (tag, attrs, ...children) {
    const node = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(attrs || {})) {
      if (value === null || value === undefined || value === false) continue;
      node.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat(Infinity)) {
      if (child === null || child === undefined || child === false) continue;
      node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return node;
  };

  const keyOf = (node) => (node.nodeType === 1 ? node.getAttribute("data-key") : null);
  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName;

  /** What the reader opened, chose or typed is theirs: an update must not undo it. */
  const isReaders = (node, name) => node.nodeName === "DETAILS" && name === "open";

  function syncAttributes(old, fresh) {
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value && !isReaders(old, name)) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !isReaders(old, name)) old.removeAttribute(name);
    }
  }

  function syncNode(old, fresh) {
    if (old.nodeType !== 1) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    syncAttributes(old, fresh);
    syncChildren(old, fresh);
  }

  function syncChildren(parent, fresh) {
    const keyed = new Map();
    for (const child of parent.childNodes) if (keyOf(child) !== null) keyed.set(keyOf(child), child);
    let cursor = parent.firstChild;
    for (const want of [...fresh.childNodes]) {
      const key = keyOf(want);
      const have = key === null ? (cursor && keyOf(cursor) === null ? cursor : null) : keyed.get(key);
      if (!have || !alike(have, want)) { parent.insertBefore(want, cursor); continue; }
      if (have === cursor) cursor = cursor.nextSibling; else parent.insertBefore(have, cursor);
      syncNode(have, want);
    }
    while (cursor) { const gone = cursor; cursor = cursor.nextSibling; gone.remove(); }
  }

  /** Makes the children of `mount` equal to `fresh`, keeping nodes, focus and scroll where they are. */
  ht.draw = function (mount, ...fresh) {
    if (!mount) return;
    const focused = document.activeElement;
    const holder = document.createElement("div");
    holder.append(...fresh.flat(Infinity).filter((node) => node instanceof Node));
    syncChildren(mount, holder);
    if (focused && focused !== document.activeElement && mount.contains(focused)) focused.focus({ preventScroll: true });
  };
})(window.histotwin);
