// One page that shows a workspace as one person sees it.

import { drawBlocks } from "/blocks.js";
import { compose, grow } from "/composer.js";
import { $, el, sync } from "/dom.js";
import { avatar, drawMessage, fillLog } from "/messages.js";
import { drawModal } from "/modal.js";
import { emoji } from "/mrkdwn.js";
import { act, at, current, follow, inChannel, inThread, nameOf, newest, seen } from "/state.js";

const read = {};

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

function drawMain() {
  const channel = current(), app = channel.is_im && channel.user === seen.app.user;
  const prefix = channel.is_im ? "" : channel.is_private ? "🔒" : "# ";
  $("title").replaceChildren(prefix === "🔒" ? emoji("lock") : prefix, nameOf(channel));
  $("about").textContent = channel.is_im ? "" : `${channel.num_members} members`;
  $("text").placeholder = seen.suggestion ? `Try ${seen.suggestion}` : `Message ${channel.is_im ? "" : "#"}${nameOf(channel)}`;
  drawSuggestion(channel);
  drawShortcuts();
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

// The shortcuts that can be used anywhere.
function drawShortcuts() {
  const use = (one) => act("shortcut", { callback_id: one.callback_id });
  sync($("shortcuts"), seen.shortcuts.filter((one) => !one.on_message), (one) => one.callback_id, (one) => el("button", { type: "button", class: "icon", title: one.name, "aria-label": one.name, onclick: () => use(one) }, "⚡"));
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

function drawThread() {
  const shown = at.thread ? inThread(current(), at.thread) : [];
  if (!shown.some((one) => one.ts === at.thread)) at.thread = null;
  $("thread").hidden = !at.thread;
  document.body.classList.toggle("with-thread", Boolean(at.thread));
  $("thread-about").textContent = `${current().is_im ? "" : "#"}${nameOf(current())}`;
  if (at.thread) fillLog($("replies"), at.thread, shown, (one, before) => drawMessage(one, before, false));
}

compose($("composer"), $("text"), () => "");
compose($("reply-composer"), $("reply"), () => at.thread);
$("thread-close").addEventListener("click", () => { at.thread = null; draw(); });
$("user").addEventListener("change", (event) => {
  at.user = event.target.value;
  at.thread = null;
  localStorage.setItem("user", at.user);
  for (const box of ["messages", "replies", "home"]) $(box).replaceChildren();
  follow(draw);
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.overflow[open]")) if (!menu.contains(event.target)) menu.open = false;
});
follow(draw);
