// Texts, images, buttons, menus and fields: what blocks are made of.

import { $, el, link, safeUrl } from "/dom.js";
import { mrkdwn, plainText } from "/mrkdwn.js";
import { act, context, seen } from "/state.js";

export function textOf(object) {
  if (!object) return null;
  return object.type === "mrkdwn" ? mrkdwn(object.text, context()) : plainText(object.text);
}

export function drawImage(image, kind) {
  return safeUrl(image.image_url) ? el("img", { class: kind, src: image.image_url, alt: image.alt_text, referrerpolicy: "no-referrer" }) : el("span", {}, image.alt_text);
}

export function drawElement(block, element, place) {
  const press = (value) => act("click", { at: place, action_id: element.action_id, block_id: block.block_id, value });
  if (element.type === "image") return drawImage(element, "thumb");
  if (element.type === "button") return drawButton(element, press);
  if (element.type === "static_select") return drawSelect(element, (value) => confirmed(element.confirm, () => press(value)));
  if (element.type === "overflow") return drawOverflow(element, (value) => confirmed(element.confirm, () => press(value)));
  return drawChoices(element, (values) => press(element.type === "checkboxes" ? values : values[0]), `${place.ts || place.view_id}${block.block_id}`);
}

function drawButton(button, press) {
  const attributes = { class: `button ${button.style || ""}`, "aria-label": button.accessibility_label };
  if (button.url && safeUrl(button.url)) {
    // The tab opens by the browser's own link; the app hears of the click as well.
    const follow = (event) => {
      if (!button.confirm) return void press();
      event.preventDefault();
      confirmed(button.confirm, () => { window.open(button.url, "_blank", "noopener,noreferrer"); press(); });
    };
    return link(button.url, textOf(button.text), { ...attributes, role: "button", onclick: follow });
  }
  return el("button", { ...attributes, type: "button", onclick: async (event) => {
    const pressed = event.currentTarget;
    await confirmed(button.confirm, async () => {
      pressed.classList.add("busy");
      await press();
      pressed.classList.remove("busy");
    });
  } }, textOf(button.text));
}

const optionsOf = (element) => [...(element.options || []), ...(element.option_groups || []).flatMap((group) => group.options)];
const initial = (element) => (element.initial_options || (element.initial_option ? [element.initial_option] : [])).map((one) => one.value);

function drawSelect(element, choose) {
  const options = optionsOf(element).map((one) => el("option", { value: one.value, selected: initial(element).includes(one.value) }, one.text.text + (one.description ? ` (${one.description.text})` : "")));
  const hint = element.placeholder ? element.placeholder.text : "Select an item";
  return el("select", { class: "button", "aria-label": hint, onchange: (event) => choose && choose(event.target.value) }, el("option", { value: "" }, hint), options);
}

function drawOverflow(element, choose) {
  const items = element.options.map((one) => el("button", { type: "button", onclick: (event) => { event.target.closest("details").open = false; choose(one.value); } }, textOf(one.text)));
  return el("details", { class: "overflow" }, el("summary", { class: "button", "aria-label": "More actions" }, "⋯"), el("div", { class: "menu" }, items));
}

function drawChoices(element, choose, group) {
  const kind = element.type === "checkboxes" ? "checkbox" : "radio";
  const box = el("div", { class: "choices", role: "group" });
  const values = () => [...box.querySelectorAll("input:checked")].map((one) => one.value);
  box.append(...optionsOf(element).map((one) => el("label", {}, el("input", { type: kind, name: group + element.action_id, value: one.value, checked: initial(element).includes(one.value), onchange: () => choose && choose(values()) }), el("span", {}, textOf(one.text), one.description ? el("div", { class: "muted small" }, textOf(one.description)) : null))));
  box.values = values;
  return box;
}

async function confirmed(confirm, then) {
  if (!confirm) return then();
  const box = $("confirm");
  const style = confirm.style === "danger" ? "danger" : "primary";
  const done = new Promise((resolve) => (box.onclose = () => resolve(box.returnValue)));
  box.returnValue = "";
  box.replaceChildren(el("form", { method: "dialog" },
    el("h2", { id: "confirm-title" }, textOf(confirm.title)), el("p", {}, textOf(confirm.text)),
    el("div", { class: "foot" }, el("button", { class: "button", value: "" }, textOf(confirm.deny)), el("button", { class: `button ${style}`, value: "yes" }, textOf(confirm.confirm)))));
  box.showModal();
  if ((await done) === "yes") await then();
}

// People and channels to pick from are shown as boxes to tick.
function ticked(element) {
  const option = (value, text) => ({ value, text: { type: "plain_text", text } });
  const people = () => Object.values(seen.users).filter((one) => !one.is_bot).map((one) => option(one.id, one.real_name));
  const channels = () => seen.channels.filter((one) => !one.is_im).map((one) => option(one.id, `#${one.name}`));
  const pickers = { multi_users_select: [people, element.initial_users], multi_conversations_select: [channels, element.initial_conversations] };
  if (!(element.type in pickers)) return element;
  const [options, chosen] = [pickers[element.type][0](), pickers[element.type][1] || []];
  return { ...element, type: "checkboxes", options, initial_options: options.filter((one) => chosen.includes(one.value)) };
}

// A menu whose options the app suggests while somebody types: one to choose, or boxes to tick.
function drawSuggested(element, id, place) {
  const ask = (typed) => act("suggest", { view_id: place.view_id, action_id: element.action_id, typed });
  if (element.type === "multi_external_select") {
    const box = drawChoices({ ...element, type: "checkboxes", options: element.initial_options || [] }, null, id);
    ask("").then((answer) => { if (answer.ok) box.replaceChildren(...drawChoices({ ...element, type: "checkboxes", options: answer.options }, null, id).childNodes); });
    return box;
  }
  const list = el("datalist", { id: `${id}-options` });
  const offer = async (typed) => {
    const answer = await ask(typed);
    if (answer.ok) list.replaceChildren(...answer.options.map((one) => el("option", { value: one.value }, one.text.text)));
  };
  const field = el("input", { id, list: list.id, placeholder: element.placeholder ? element.placeholder.text : null, onfocus: (event) => offer(event.target.value), oninput: (event) => offer(event.target.value) });
  field.value = element.initial_option ? element.initial_option.value : "";
  field.beside = list;
  return field;
}

export function drawInput(block, place) {
  const element = ticked(block.element), id = `input-${block.block_id}`;
  let field;
  if (element.type === "plain_text_input") {
    field = el(element.multiline ? "textarea" : "input", { id, rows: element.multiline ? 4 : null, placeholder: element.placeholder ? element.placeholder.text : null, maxlength: element.max_length });
    field.value = element.initial_value || "";
  } else if (element.type === "static_select") {
    field = drawSelect(element);
    field.id = id;
  } else if (element.type.endsWith("external_select")) field = drawSuggested(element, id, place);
  else field = drawChoices(element, null, block.block_id);
  const several = element.type === "checkboxes" || element.type === "multi_external_select";
  const wrong = place.errors && place.errors[block.block_id];
  const box = el("div", { class: "input" + (wrong ? " wrong" : "") }, el("label", { for: id }, textOf(block.label), block.optional ? el("span", { class: "muted" }, " (optional)") : null), field, field.beside, wrong ? el("p", { class: "why", role: "alert" }, wrong) : null, block.hint ? el("p", { class: "muted small" }, textOf(block.hint)) : null);
  box.entry = [block.block_id, () => (field.values ? (several ? field.values() : field.values()[0] || "") : field.value)];
  box.restore = (value) => {
    if (!field.values) field.value = value;
    else for (const one of field.querySelectorAll("input")) one.checked = value.includes(one.value);
  };
  if (block.dispatch_action) field.addEventListener(element.type === "plain_text_input" ? "input" : "change", () => place.changed());
  return box;
}
