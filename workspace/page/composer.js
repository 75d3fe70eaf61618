// The fields in which a person writes messages and commands.

import { $, el } from "/dom.js";
import { act, at, seen } from "/state.js";

async function send(field, thread) {
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  grow(field);
  drawHints();
  const answer = await act(text.startsWith("/") ? "command" : "message", { channel: at.channel, text, thread_ts: thread || "" });
  if (!answer.ok && !answer.text && !field.value) field.value = text;
}

export function grow(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
}

function drawHints() {
  const typed = $("text").value;
  const known = seen ? [...seen.commands, ...(seen.suggestion ? [{ name: seen.suggestion, usage_hint: "", description: "Try the example" }] : [])] : [];
  const fit = /^\/\S*$/.test(typed) ? known.filter((one) => one.name.startsWith(typed)) : [];
  const take = (command) => { $("text").value = `${command.name} `; drawHints(); $("text").focus(); };
  $("hints").hidden = !fit.length;
  $("hints").replaceChildren(...fit.map((one) => el("li", { role: "option", tabindex: "0", onclick: () => take(one), onkeydown: (event) => event.key === "Enter" && take(one) }, el("b", {}, one.name), " ", el("span", { class: "muted" }, one.usage_hint), el("div", { class: "small" }, one.description))));
  return fit[0] && (() => take(fit[0]));
}

export function compose(form, field, thread) {
  form.addEventListener("submit", (event) => { event.preventDefault(); send(field, thread()); });
  field.addEventListener("input", () => { grow(field); drawHints(); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && field === $("text") && !event.shiftKey) {
      const complete = drawHints();
      if (complete) { event.preventDefault(); complete(); }
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send(field, thread());
  });
}
