// What the server told of the workspace, and where in it the person is. The server's state is the truth: the page asks
// for it, waits until it changes, and draws what is different.

import { $ } from "/dom.js";

export let seen = null;
export let redraw = () => {}; // what `follow` was given
export const at = { user: localStorage.getItem("user") || "ada", channel: null, thread: null, tab: "messages" };
let polling = new AbortController();

export async function act(what, body) {
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

export async function follow(draw) {
  redraw = draw;
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

export const context = () => ({ users: seen.users, me: seen.me, channelName: (id) => nameOf(seen.channels.find((one) => one.id === id) || { name: id }) });
export const nameOf = (channel) => (channel.is_im ? seen.users[channel.user].real_name : channel.name);
export const current = () => seen.channels.find((one) => one.id === at.channel);
const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;
export const inChannel = (channel) => channel.messages.filter((one) => !isReply(one) || one.subtype === "thread_broadcast");
export const inThread = (channel, ts) => channel.messages.filter((one) => one.ts === ts || one.thread_ts === ts);
export const newest = (channel) => channel.messages.reduce((last, one) => (one.ts > last ? one.ts : last), "");
