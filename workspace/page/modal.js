// The dialog that the app opened last.

import { drawBlocks } from "/blocks.js";
import { $, el } from "/dom.js";
import { textOf } from "/elements.js";
import { act, seen } from "/state.js";

const entries = () => Object.fromEntries([...$("modal").querySelectorAll(".input")].map((one) => [one.entry[0], one.entry[1]()]));

export function drawModal() {
  const box = $("modal"), view = seen.modals[seen.modals.length - 1];
  const print = view ? view.id + view.hash + JSON.stringify(view.errors) : "";
  if (box.dataset.print === print) return;
  const typed = view && box.dataset.view === view.id ? entries() : {};
  const focused = typed && document.activeElement.id, caret = focused ? document.activeElement.selectionStart ?? null : null;
  Object.assign(box.dataset, { print, view: view ? view.id : "" });
  if (!view) return void (box.open && box.close());
  const leave = () => act("close", { view_id: view.id });
  const send = (event) => { event.preventDefault(); act("submit", { view_id: view.id, values: entries() }); };
  box.replaceChildren(el("form", { onsubmit: send },
    el("header", {}, el("h2", { id: "modal-title" }, textOf(view.title)), el("button", { type: "button", class: "icon", "aria-label": "Close", onclick: leave }, "✕")),
    el("div", { class: "inside" }, drawBlocks(view.blocks, { view_id: view.id, errors: view.errors, changed: () => act("type", { view_id: view.id, values: entries() }) })),
    el("div", { class: "foot" }, el("button", { type: "button", class: "button", onclick: leave }, view.close ? textOf(view.close) : "Cancel"), view.submit ? el("button", { class: "button primary" }, textOf(view.submit)) : null)));
  for (const one of box.querySelectorAll(".input")) if (typed[one.entry[0]] && typed[one.entry[0]].length) one.restore(typed[one.entry[0]]);
  const here = focused && document.getElementById(focused);
  if (here) { here.focus(); if (caret !== null && here.setSelectionRange) here.setSelectionRange(caret, caret); }
  box.oncancel = (event) => { event.preventDefault(); leave(); };
  if (!box.open) box.showModal();
}
