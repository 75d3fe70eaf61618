// One page that shows a workspace as one person sees it. The server's state is the truth: the page asks for it,
// waits until it changes, and draws what is different.
// It is one file above 400 lines because everything draws from that one state and calls each other: modules would
// be a circle.

import { el, emoji, link, localTime, markdown, mrkdwn, plainText, richText, safeUrl } from "/mrkdwn.js";

const $ = (id) => document.getElementById(id);
const COLOURS = ["#2bac76", "#e8912d", "#4a6fdc", "#cd2553", "#8d4bb8", "#0f7b8a"];
let seen = null;
let polling = new AbortController();
const at = { user: localStorage.getItem("user") || "ada", channel: null, thread: null, tab: "messages" };
const read = {};

// --- talking to the server

async function act(what, body) {
  let answer;
  try {
    const response = await fetch(`/hands/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: at.user, ...body }),
    });
    answer = await response.json();
  } catch (error) {
    answer = { ok: false, error: "the workspace does not answer" };
  }
  const told = answer.text || answer.errors;
  if (!answer.ok && !told) complain(answer.error === "operation_timeout" ? "The app took too long to answer. Try again." : `That did not work: ${answer.error}`);
  return answer;
}

let complaint;
function complain(text) {
  $("error").textContent = text;
  $("error").hidden = false;
  clearTimeout(complaint);
  complaint = setTimeout(() => ($("error").hidden = true), 6000);
}

async function follow() {
  polling.abort();
  const mine = (polling = new AbortController());
  let since = 0;
  while (!mine.signal.aborted) {
    try {
      const query = new URLSearchParams({ user: at.user, since, timeout: since ? 25 : 0 });
      const response = await fetch(`/hands/state?${query}`, { signal: mine.signal });
      if (response.status === 404) { at.user = "ada"; continue; }
      const state = await response.json();
      if (state.version !== since) { since = state.version; seen = state; draw(); }
    } catch (error) {
      if (mine.signal.aborted) return;
      complain("The workspace does not answer; trying again.");
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

// --- what there is

const context = () => ({ users: seen.users, me: seen.me, channelName: (id) => nameOf(seen.channels.find((one) => one.id === id) || { name: id }) });
const nameOf = (channel) => (channel.is_im ? seen.users[channel.user].real_name : channel.name);
const current = () => seen.channels.find((one) => one.id === at.channel);
const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;
const inChannel = (channel) => channel.messages.filter((one) => !isReply(one) || one.subtype === "thread_broadcast");
const inThread = (channel, ts) => channel.messages.filter((one) => one.ts === ts || one.thread_ts === ts);
const newest = (channel) => channel.messages.reduce((last, one) => (one.ts > last ? one.ts : last), "");

// Draws `items` into `box`, touching only what changed, so that focus and selection survive.
function sync(box, items, key, render) {
  const known = new Map([...box.children].map((node) => [node.dataset.key, node]));
  const wanted = items.map((item, index) => {
    const id = key(item), print = JSON.stringify([item, index && key(items[index - 1])]);
    const old = known.get(id);
    if (old && old.dataset.print === print) return old;
    const node = render(item, items[index - 1]);
    node.dataset.key = id;
    node.dataset.print = print;
    return node;
  });
  wanted.forEach((node, index) => box.children[index] !== node && box.insertBefore(node, box.children[index] || null));
  while (box.children.length > wanted.length) box.lastChild.remove();
}

function draw() {
  if (!current()) at.channel = (seen.channels.find((one) => one.name === "general") || seen.channels[0]).id;
  document.title = `${nameOf(current())} | ${seen.team.name}`;
  drawUsers();
  drawSidebar();
  drawMain();
  drawThread();
  drawModal();
}

function drawUsers() {
  const people = Object.values(seen.users).filter((one) => !one.is_bot);
  sync($("user"), people.map(({ id, name, real_name }) => ({ id, name, real_name })), (one) => one.id, (one) => el("option", { value: one.name }, one.real_name));
  $("user").value = seen.me.name;
}

function drawSidebar() {
  $("team").textContent = seen.team.name;
  $("search").textContent = `Search ${seen.team.name}`;
  read[at.user + at.channel] = newest(current());
  const heading = (text) => ({ heading: text });
  const of = (wanted) => seen.channels.filter(wanted).map((one) => ({ id: one.id, name: nameOf(one), kind: one.is_im ? "im" : one.is_private ? "private" : "public", user: one.user || "", here: one.id === at.channel, unread: newest(one) > (read[at.user + one.id] || "0") && one.messages.length > 0 }));
  const bot = seen.app.user;
  const rows = [
    heading("Channels"), ...of((one) => !one.is_im),
    heading("Direct messages"), ...of((one) => one.is_im && one.user !== bot),
    heading("Apps"), ...of((one) => one.is_im && one.user === bot),
  ];
  sync($("channels"), rows, (row) => row.id || row.heading, drawRow);
}

function drawRow(row) {
  if (row.heading) return el("h3", {}, row.heading);
  const mark = row.kind === "im" ? avatar(row.user, "small") : el("span", { class: "hash" }, row.kind === "private" ? emoji("lock") : "#");
  const attributes = { class: "row" + (row.here ? " here" : "") + (row.unread ? " unread" : ""), "aria-current": row.here ? "page" : null };
  return el("button", { ...attributes, onclick: () => go(row.id) }, mark, el("span", {}, row.name));
}

function go(channel) {
  Object.assign(at, { channel, thread: null, tab: "messages" });
  draw();
  $("messages").scrollTop = $("messages").scrollHeight;
  $("text").focus();
}

// --- messages

function drawMain() {
  const channel = current(), app = channel.is_im && channel.user === seen.app.user;
  const prefix = channel.is_im ? "" : channel.is_private ? "🔒" : "# ";
  $("title").replaceChildren(prefix === "🔒" ? emoji("lock") : prefix, nameOf(channel));
  $("about").textContent = channel.is_im ? "" : `${channel.num_members} members`;
  $("text").placeholder = seen.suggestion ? `Try ${seen.suggestion}` : `Message ${channel.is_im ? "" : "#"}${nameOf(channel)}`;
  drawSuggestion(channel);
  drawTabs(app);
  const atHome = app && at.tab === "home";
  $("home").hidden = !atHome;
  $("messages").hidden = $("composer").hidden = atHome;
  if (atHome) drawHome();
  else fillLog($("messages"), channel.id, inChannel(channel), (one, before) => drawMessage(one, before, true));
}

// What to do in a channel in which nothing has happened yet.
function drawSuggestion(channel) {
  $("suggestion").hidden = !seen.suggestion || channel.is_im || channel.messages.length > 0;
  const fill = () => { $("text").value = seen.suggestion; grow($("text")); $("text").focus(); };
  $("suggestion").replaceChildren("Nothing is here yet. Type a command below, or start with the example: ", el("button", { class: "try", onclick: fill }, seen.suggestion));
}

function drawTabs(app) {
  $("tabs").hidden = !app;
  const tab = (name, label) => el("button", { role: "tab", "aria-selected": at.tab === name ? "true" : "false", onclick: () => openTab(name) }, label);
  $("tabs").replaceChildren(tab("home", "Home"), tab("messages", "Messages"));
}

function openTab(name) {
  at.tab = name;
  draw();
  if (name === "home") act("open_home", {});
}

function drawHome() {
  const home = seen.home;
  const nothing = { id: "nothing", blocks: [{ type: "section", block_id: "none", text: { type: "plain_text", text: "This is a work in progress." } }] };
  sync($("home"), [home || nothing], (view) => view.id, (view) => el("div", {}, drawBlocks(view.blocks, { view_id: view.id })));
}

function fillLog(box, place, messages, render) {
  const fresh = box.dataset.place !== place;
  const low = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  box.dataset.place = place;
  sync(box, messages, (one) => place + one.ts, render);
  if (fresh || low) box.scrollTop = box.scrollHeight;
}

function avatar(id, size = "") {
  const user = seen.users[id] || { real_name: "?", is_bot: false };
  const letters = user.real_name.split(" ").map((word) => word[0]).join("").slice(0, 2);
  const node = el("span", { class: `avatar ${size} ${user.is_bot ? "bot" : ""}`, "aria-hidden": "true" }, letters);
  node.style.background = COLOURS[(Object.keys(seen.users).indexOf(id) + 1) % COLOURS.length];
  return node;
}

const dayOf = (message) => localTime(message.ts, seen.me.tz, { weekday: "long", day: "numeric", month: "long" });
const continues = (message, before) => before && !message.is_ephemeral && !before.is_ephemeral && before.user === message.user && message.ts - before.ts < 300 && dayOf(before) === dayOf(message) && !before.reply_count;

function drawMessage(message, before, top) {
  const user = seen.users[message.user] || { real_name: message.user, profile: {} };
  const joined = continues(message, before);
  const clock = localTime(message.ts, seen.me.tz, { hour: "2-digit", minute: "2-digit" });
  const full = localTime(message.ts, seen.me.tz, { dateStyle: "full", timeStyle: "long" });
  const place = { channel: message.channel, ts: message.ts };
  const below = (message.attachments || []).map((one) => el("div", { class: "unfurl" }, drawBlocks(one.blocks, place)));
  const content = message.blocks ? drawBlocks(message.blocks, place) : el("div", { class: "text" }, mrkdwn(message.text, context()), message.edited ? el("span", { class: "muted small" }, " (edited)") : null);
  const body = el("div", { class: "body" },
    message.is_ephemeral ? el("div", { class: "only" }, el("span", { "aria-hidden": "true" }, "◉ "), "Only visible to you") : null,
    joined ? null : el("div", { class: "by" }, el("b", {}, user.real_name), user.is_bot ? el("span", { class: "badge" }, "APP") : null, el("time", { class: "muted small", title: full }, clock)),
    content, below, drawFiles(message), drawReactions(message), top ? drawReplies(message) : null);
  const side = joined ? el("time", { class: "side muted", title: full }, clock) : avatar(message.user);
  const day = top && (!before || dayOf(before) !== dayOf(message)) ? el("div", { class: "day" }, el("span", {}, dayOf(message))) : null;
  const kind = (message.is_ephemeral ? " ephemeral" : "") + (message.subtype === "tombstone" ? " tombstone" : "") + (joined ? " joined" : "");
  return el("div", {}, day, el("article", { class: "message" + kind }, side, body, drawTools(message, top)));
}

function drawFiles(message) {
  return (message.files || []).map((file) => el("div", { class: "file" }, el("span", { "aria-hidden": "true" }, "≡"), link(location.origin + file.url_private, file.title), el("span", { class: "muted small" }, `${file.size} bytes`)));
}

function drawReactions(message) {
  return (message.reactions || []).filter((one) => one.count).map((one) => el("span", { class: "reaction" }, emoji(one.name), ` ${one.count}`));
}

function drawReplies(message) {
  if (!message.reply_count) return null;
  const faces = message.reply_users.map((id) => avatar(id, "small"));
  const count = `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`;
  const last = localTime(message.latest_reply, seen.me.tz, { hour: "2-digit", minute: "2-digit" });
  return el("button", { class: "replies", onclick: () => openThread(message.ts) }, faces, el("b", {}, count), el("span", { class: "muted small" }, `Last reply at ${last}`));
}

function drawTools(message, top) {
  if (message.is_ephemeral || message.subtype === "tombstone") return null;
  const place = { channel: message.channel, ts: message.ts };
  const mayDelete = message.user === seen.me.id || seen.me.is_owner;
  return el("div", { class: "tools" },
    top ? el("button", { title: "Reply in thread", "aria-label": "Reply in thread", onclick: () => openThread(message.thread_ts || message.ts) }, "↩ Reply") : null,
    seen.shortcuts.filter((one) => one.on_message).map((one) => el("button", { onclick: () => act("shortcut", { callback_id: one.callback_id, at: place }) }, one.name)),
    mayDelete ? el("button", { title: "Delete message", "aria-label": "Delete message", onclick: () => act("delete", place) }, "✕") : null);
}

function openThread(ts) {
  at.thread = ts;
  draw();
  $("reply").focus();
}

function drawThread() {
  const shown = at.thread ? inThread(current(), at.thread) : [];
  if (!shown.some((one) => one.ts === at.thread)) at.thread = null;
  $("thread").hidden = !at.thread;
  document.body.classList.toggle("with-thread", Boolean(at.thread));
  $("thread-about").textContent = `${current().is_im ? "" : "#"}${nameOf(current())}`;
  if (at.thread) fillLog($("replies"), at.thread, shown, (one, before) => drawMessage(one, before, false));
}

// --- blocks

function textOf(object) {
  if (!object) return null;
  return object.type === "mrkdwn" ? mrkdwn(object.text, context()) : plainText(object.text);
}

const TASK = { pending: ["○", "pending"], in_progress: ["◐", "in progress"], complete: ["✓", "complete"], error: ["✕", "failed"] };

const DRAW = {
  header: (block) => el("h4", { class: "header" }, textOf(block.text)),
  divider: () => el("hr"),
  section: (block, place) => el("div", { class: "section" },
    el("div", { class: "grow" }, textOf(block.text), block.fields ? el("div", { class: "fields" }, block.fields.map((one) => el("div", {}, textOf(one)))) : null),
    block.accessory ? drawElement(block, block.accessory, place) : null),
  context: (block) => el("div", { class: "context" }, block.elements.map((one) => (one.type === "image" ? drawImage(one, "icon") : el("span", {}, textOf(one))))),
  actions: (block, place) => el("div", { class: "actions" }, block.elements.map((one) => drawElement(block, one, place))),
  image: (block) => el("figure", {}, block.title ? el("figcaption", { class: "small" }, textOf(block.title)) : null, drawImage(block, "picture")),
  input: (block, place) => drawInput(block, place),
  rich_text: (block) => el("div", {}, richText(block.elements, context())),
  markdown: (block) => el("div", {}, markdown(block.text, context())),
  card: (block, place) => el("div", { class: "card" },
    block.title ? el("h4", {}, textOf(block.title)) : null, block.subtitle ? el("div", { class: "muted" }, textOf(block.subtitle)) : null,
    block.body ? el("div", {}, textOf(block.body)) : null, block.actions ? DRAW.actions({ ...block, elements: block.actions }, place) : null),
  container: (block, place) => el("section", { class: `card ${block.width || "standard"}` },
    el("h4", {}, textOf(block.title)), block.subtitle ? el("div", { class: "muted" }, textOf(block.subtitle)) : null, drawBlocks(block.child_blocks, place)),
  table: (block) => el("table", {}, block.rows.map((row, index) => el("tr", {}, row.map((cell) => el(index ? "td" : "th", {}, cell.elements ? richText(cell.elements, context()) : String(cell.text)))))),
  plan: (block, place) => el("div", { class: "card plan" }, el("h4", {}, plainText(block.title)), el("ol", {}, (block.tasks || []).map((one) => el("li", {}, DRAW.task_card(one, place))))),
  task_card: (block) => el("div", { class: `task is-${block.status || "pending"}` },
    el("span", { class: "mark", role: "img", "aria-label": TASK[block.status || "pending"][1] }, TASK[block.status || "pending"][0]),
    el("div", { class: "grow" }, plainText(block.title), [block.details, block.output].filter(Boolean).map((one) => el("div", { class: "muted small" }, richText(one.elements, context()))))),
};

function drawBlocks(blocks, place) {
  return el("div", { class: "blocks" }, blocks.map((block) => DRAW[block.type](block, place)));
}

function drawImage(image, kind) {
  return safeUrl(image.image_url) ? el("img", { class: kind, src: image.image_url, alt: image.alt_text, referrerpolicy: "no-referrer" }) : el("span", {}, image.alt_text);
}

function drawElement(block, element, place) {
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
  const options = optionsOf(element).map((one) => el("option", { value: one.value, selected: initial(element).includes(one.value) }, one.text.text));
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

// --- modals

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

function drawInput(block, place) {
  const element = ticked(block.element), id = `input-${block.block_id}`;
  let field;
  if (element.type === "plain_text_input") {
    field = el(element.multiline ? "textarea" : "input", { id, rows: element.multiline ? 4 : null, placeholder: element.placeholder ? element.placeholder.text : null, maxlength: element.max_length });
    field.value = element.initial_value || "";
  } else if (element.type === "static_select") {
    field = drawSelect(element);
    field.id = id;
  } else field = drawChoices(element, null, block.block_id);
  const wrong = place.errors && place.errors[block.block_id];
  const box = el("div", { class: "input" + (wrong ? " wrong" : "") }, el("label", { for: id }, textOf(block.label), block.optional ? el("span", { class: "muted" }, " (optional)") : null), field, wrong ? el("p", { class: "why", role: "alert" }, wrong) : null, block.hint ? el("p", { class: "muted small" }, textOf(block.hint)) : null);
  box.entry = [block.block_id, () => (field.values ? (element.type === "checkboxes" ? field.values() : field.values()[0] || "") : field.value)];
  return box;
}

const entries = () => Object.fromEntries([...$("modal").querySelectorAll(".input")].map((one) => [one.entry[0], one.entry[1]()]));

function drawModal() {
  const box = $("modal"), view = seen.modals[seen.modals.length - 1];
  const print = view ? view.id + view.hash + JSON.stringify(view.errors) : "";
  if (box.dataset.print === print) return;
  const typed = view && box.dataset.view === view.id ? entries() : {};
  Object.assign(box.dataset, { print, view: view ? view.id : "" });
  if (!view) return void (box.open && box.close());
  const leave = () => act("close", { view_id: view.id });
  const send = (event) => { event.preventDefault(); act("submit", { view_id: view.id, values: entries() }); };
  box.replaceChildren(el("form", { onsubmit: send },
    el("header", {}, el("h2", { id: "modal-title" }, textOf(view.title)), el("button", { type: "button", class: "icon", "aria-label": "Close", onclick: leave }, "✕")),
    el("div", { class: "inside" }, drawBlocks(view.blocks, { view_id: view.id, errors: view.errors })),
    el("div", { class: "foot" }, el("button", { type: "button", class: "button", onclick: leave }, view.close ? textOf(view.close) : "Cancel"), view.submit ? el("button", { class: "button primary" }, textOf(view.submit)) : null)));
  for (const [block, value] of Object.entries(typed)) {
    const field = document.getElementById(`input-${block}`);
    if (field && value) field.value = value;
  }
  box.oncancel = (event) => { event.preventDefault(); leave(); };
  if (!box.open) box.showModal();
}

// --- writing

async function send(field, thread) {
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  grow(field);
  drawHints();
  const answer = await act(text.startsWith("/") ? "command" : "message", { channel: at.channel, text, thread_ts: thread || "" });
  if (!answer.ok && !answer.text && !field.value) field.value = text;
}

function grow(field) {
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

function compose(form, field, thread) {
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

compose($("composer"), $("text"), () => "");
compose($("reply-composer"), $("reply"), () => at.thread);
$("thread-close").addEventListener("click", () => { at.thread = null; draw(); });
$("user").addEventListener("change", (event) => {
  at.user = event.target.value;
  at.thread = null;
  localStorage.setItem("user", at.user);
  for (const box of ["messages", "replies", "home"]) $(box).replaceChildren();
  follow();
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.overflow[open]")) if (!menu.contains(event.target)) menu.open = false;
});
follow();
