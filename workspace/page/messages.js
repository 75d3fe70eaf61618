// Messages, as a channel and as a thread show them.

import { drawBlocks } from "/blocks.js";
import { $, el, link, sync } from "/dom.js";
import { emoji, localTime, mrkdwn } from "/mrkdwn.js";
import { act, at, context, redraw, seen } from "/state.js";

const COLOURS = ["#2bac76", "#e8912d", "#4a6fdc", "#cd2553", "#8d4bb8", "#0f7b8a"];

export function fillLog(box, place, messages, render) {
  const fresh = box.dataset.place !== place;
  const low = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  box.dataset.place = place;
  sync(box, messages, (one) => place + one.ts, render);
  if (fresh || low) box.scrollTop = box.scrollHeight;
}

export function avatar(id, size = "") {
  const user = seen.users[id] || { real_name: "?", is_bot: false };
  const letters = user.real_name.split(" ").map((word) => word[0]).join("").slice(0, 2);
  const node = el("span", { class: `avatar ${size} ${user.is_bot ? "bot" : ""}`, "aria-hidden": "true" }, letters);
  node.style.background = COLOURS[(Object.keys(seen.users).indexOf(id) + 1) % COLOURS.length];
  return node;
}

const dayOf = (message) => localTime(message.ts, seen.me.tz, { weekday: "long", day: "numeric", month: "long" });
const continues = (message, before) => before && !message.is_ephemeral && !before.is_ephemeral && before.user === message.user && message.ts - before.ts < 300 && dayOf(before) === dayOf(message) && !before.reply_count;

export function drawMessage(message, before, top) {
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
  redraw();
  $("reply").focus();
}
