// Slack's texts as DOM nodes. Everything arrives as text nodes and attributes: no HTML is ever parsed.

import { el, link } from "/dom.js";

// Drawn here where it matters, so that status marks look the same on machines without an emoji font.
const disc = (fill, mark) =>
  `<rect x='1' y='1' width='18' height='18' rx='4' fill='${fill}'/><path d='${mark}' fill='none' stroke='white' stroke-width='2.6' stroke-linecap='round' stroke-linejoin='round'/>`;
const round = (fill, inner = "") => `<circle cx='10' cy='10' r='8.5' fill='${fill}'/>${inner}`;
const sand = (top, low) =>
  `<path d='M5 2h10M5 18h10' stroke='#7a4a21' stroke-width='2.4' stroke-linecap='round'/><path d='M6 3h8c0 4-3 5-3 7s3 3 3 7H6c0-4 3-5 3-7S6 7 6 3z' fill='#d6ecf8' stroke='#8fb4c8'/><path d='${top}' fill='#e8a33d'/><path d='${low}' fill='#e8a33d'/>`;
const stem = "M10 5.5v5.5";
const DRAWN = {
  white_check_mark: disc("#2eb67d", "M5.5 10.5l3 3 6-7"),
  x: "<path d='M4 4l12 12M16 4L4 16' stroke='#e01e5a' stroke-width='4' stroke-linecap='round'/>",
  warning: `<path d='M10 2l9 16H1z' fill='#ecb22e' stroke='#c78f12' stroke-linejoin='round'/><path d='M10 7.5v5M10 15.2v.1' stroke='#1d1c1d' stroke-width='2' stroke-linecap='round'/>`,
  hourglass: sand("M8 5h4l-2 3z", "M7 17c0-3 2-4 3-4.500s3 1.500 3 4.500z"),
  hourglass_flowing_sand: sand("M7 5h6l-3 4z", "M8 17c0-2 1-2.500 2-2.500s2 .5 2 2.500z"),
  large_green_circle: round("#2eb67d"),
  large_yellow_circle: round("#ecb22e"),
  large_blue_circle: round("#36a6e0"),
  red_circle: round("#e01e5a"),
  white_circle: round("#e8e8e8", "<circle cx='10' cy='10' r='8.500' fill='none' stroke='#bbb'/>"),
  black_circle: round("#3b3b3b"),
  no_entry: round("#d9342b", "<path d='M5.500 10h9' stroke='white' stroke-width='3'/>"),
  exclamation: `<path d='${stem}M10 15v.1' stroke='#e01e5a' stroke-width='4' stroke-linecap='round'/>`,
  information_source: disc("#3b88c3", "M10 9.500v5M10 6v.1"),
  hammer_and_wrench: "<path d='M3 17l8-8' stroke='#a0703c' stroke-width='3' stroke-linecap='round'/><path d='M8 3h6l4 4-3 3-2-2-2 2-3-3z' fill='#8b98a5'/>",
  bulb: "<path d='M10 2a6 6 0 00-3 11v2h6v-2a6 6 0 00-3-11z' fill='#ecb22e' stroke='#c78f12'/><path d='M7.500 17.500h5' stroke='#8b98a5' stroke-width='2' stroke-linecap='round'/>",
  mag: "<circle cx='8.500' cy='8.500' r='5.500' fill='#d6ecf8' stroke='#4f6b7a' stroke-width='2'/><path d='M12.500 12.500L18 18' stroke='#4f6b7a' stroke-width='3' stroke-linecap='round'/>",
  rocket: "<path d='M17 2c-5 0-9 3-11 8l4 4c5-2 8-6 8-11z' fill='#cfd6dc' stroke='#8b98a5'/><circle cx='12.500' cy='7.500' r='1.800' fill='#3b88c3'/><path d='M6 10l-4 1 3-4zM10 14l-1 4 4-3z' fill='#dd2e44'/><path d='M3 17c0-3 1-4 2.500-4s2 1 1.500 2-2 2-4 2z' fill='#f4900c'/>",
  tada: "<path d='M2 18l5-11 6 6z' fill='#ecb22e'/><path d='M11 4l1-2M14 8l4-2M15 12l3 1M9 5L8 2' stroke='#e01e5a' stroke-width='1.800' stroke-linecap='round'/>",
  lock: "<rect x='4' y='9' width='12' height='9' rx='2' fill='#ecb22e'/><path d='M6.500 9V6a3.500 3.500 0 017 0v3' fill='none' stroke='#9aa5ae' stroke-width='2'/>",
  key: "<circle cx='6' cy='10' r='4' fill='none' stroke='#d8a21d' stroke-width='2.500'/><path d='M10 10h8v3M14.500 10v3' fill='none' stroke='#d8a21d' stroke-width='2.500'/>",
};
const PLAIN = {
  wave: "👋", eyes: "👀", "+1": "👍", thumbsup: "👍", "-1": "👎", fire: "🔥", sparkles: "✨", star: "⭐", heart: "❤️",
  gear: "⚙️", package: "📦", link: "🔗", notebook: "📓", book: "📖", books: "📚", bar_chart: "📊", zzz: "💤", bell: "🔔",
  wastebasket: "🗑️", stop_sign: "🛑", clock1: "🕐", stopwatch: "⏱️", timer_clock: "⏲️", alarm_clock: "⏰",
  computer: "💻", cloud: "☁️", hammer: "🔨", wrench: "🔧", question: "❓", smile: "😄",
  seedling: "🌱", robot_face: "🤖", arrows_counterclockwise: "🔄", heavy_check_mark: "✔️", broom: "🧹", pushpin: "📌",
  point_right: "👉", pray: "🙏", raised_hands: "🙌", ballot_box_with_check: "☑️", memo: "📝", page_facing_up: "📄",
};
const DRAWN_FOR = {
  "✅": "white_check_mark", "❌": "x", "⚠": "warning", "⌛": "hourglass", "⏳": "hourglass_flowing_sand", "🚀": "rocket",
  "💡": "bulb", "🔍": "mag", "🟢": "large_green_circle", "🟡": "large_yellow_circle", "🔵": "large_blue_circle", "🔴": "red_circle", "⚪": "white_circle",
  "⚫": "black_circle", "⛔": "no_entry", "❗": "exclamation", "ℹ": "information_source", "🎉": "tada", "🔒": "lock", "🔑": "key",
};

export function emoji(name) {
  if (!DRAWN[name]) return document.createTextNode(PLAIN[name] || `:${name}:`);
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20'>${DRAWN[name]}</svg>`;
  return el("img", { class: "emoji", alt: `:${name}:`, title: `:${name}:`, src: `data:image/svg+xml,${encodeURIComponent(svg)}` });
}

const decode = (text) => text.replace(/&(lt|gt|amp);/g, (_, name) => ({ lt: "<", gt: ">", amp: "&" })[name]);
const LITERAL = new RegExp(`(${Object.keys(DRAWN_FOR).join("|")})\uFE0F?|:([a-z0-9_+-]+):`, "gu");

function withEmoji(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(LITERAL)) {
    if (found[2] && !DRAWN[found[2]] && !PLAIN[found[2]]) continue;
    nodes.push(document.createTextNode(text.slice(at, found.index)), emoji(found[2] || DRAWN_FOR[found[1]]));
    at = found.index + found[0].length;
  }
  nodes.push(document.createTextNode(text.slice(at)));
  return nodes;
}

export function plainText(text) {
  return el("span", {}, withEmoji(decode(text || "")));
}

const DATE_FORMS = {
  date: { dateStyle: "long" }, date_num: { dateStyle: "short" }, date_long: { dateStyle: "full" },
  date_short: { month: "short", day: "numeric", year: "numeric" }, date_pretty: { dateStyle: "long" },
  date_short_pretty: { month: "short", day: "numeric" }, date_long_pretty: { dateStyle: "full" },
  time: { hour: "numeric", minute: "2-digit" }, time_secs: { hour: "numeric", minute: "2-digit", second: "2-digit" },
};

export function localTime(seconds, zone, form) {
  return new Intl.DateTimeFormat("en-GB", { ...form, timeZone: zone }).format(new Date(seconds * 1000));
}

function prettyDay(seconds, zone) {
  const day = (at) => localTime(at, zone, { dateStyle: "short" });
  const now = Date.now() / 1000;
  const near = { [day(now)]: "today", [day(now - 86400)]: "yesterday", [day(now + 86400)]: "tomorrow" };
  return near[day(seconds)];
}

function dateText(body, fallback, zone) {
  const [, seconds, format] = body.match(/^date\^(\d+)\^([^^]*)/) || [];
  if (!seconds) return fallback;
  return format.replace(/\{(\w+)\}/g, (whole, name) => {
    if (!DATE_FORMS[name]) return whole;
    return (name.endsWith("pretty") && prettyDay(seconds, zone)) || localTime(seconds, zone, DATE_FORMS[name]);
  });
}

function special(body, label, context) {
  if (body.startsWith("@")) {
    const user = context.users[body.slice(1)];
    const mine = user && user.id === context.me.id;
    return el("span", { class: mine ? "mention mine" : "mention" }, "@" + (user ? user.profile.display_name : label || body.slice(1)));
  }
  if (body.startsWith("#")) return el("span", { class: "mention" }, "#" + (label || context.channelName(body.slice(1))));
  if (body.startsWith("!date")) {
    return el("time", { title: decode(label || "") }, dateText(body.slice(1), decode(label || ""), context.me.tz));
  }
  if (body.startsWith("!")) return el("span", { class: "mention mine" }, "@" + (label || body.slice(1).split("^")[0]));
  return link(decode(body), decode(label || body.replace(/^mailto:/, "")));
}

const INLINE = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>|\\n]+)(?:\\|([^<>\\n]*))?>",
    "(https?://[^\\s<>]*[^\\s<>.,;:!?)'\"])",
    "(?<![\\w*])\\*(?=\\S)([^*\\n]*[^*\\s])\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^_\\n]*[^_\\s])_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^~\\n]*[^~\\s])~(?![\\w~])",
  ].join("|"),
  "g",
);

function inline(text, context) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, target, label, url, bold, italic, struck] = found;
    nodes.push(...withEmoji(decode(text.slice(at, found.index))));
    if (code) nodes.push(el("code", {}, decode(code)));
    else if (target) nodes.push(special(target, label, context));
    else if (url) nodes.push(link(decode(url), decode(url)));
    else if (bold) nodes.push(el("b", {}, inline(bold, context)));
    else if (italic) nodes.push(el("i", {}, inline(italic, context)));
    else nodes.push(el("s", {}, inline(struck, context)));
    at = found.index + whole.length;
  }
  return [...nodes, ...withEmoji(decode(text.slice(at)))];
}

function lines(text, context) {
  const out = [];
  let quote = null;
  text.split("\n").forEach((line, index, all) => {
    const quoted = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (quoted) {
      if (!quote) out.push((quote = el("blockquote")));
      quote.append(el("div", {}, inline(quoted[1], context)));
    } else {
      quote = null;
      out.push(...inline(line, context), ...(index < all.length - 1 ? [el("br")] : []));
    }
  });
  return out;
}

export function mrkdwn(text, context) {
  const out = el("span", { class: "mrkdwn" });
  (text || "").split(/```/).forEach((part, index, all) => {
    if (index % 2 && index < all.length - 1) out.append(el("pre", {}, decode(part.replace(/^\n|\n$/g, "").replace(/<([^<>|]+)(?:\|([^<>]*))?>/g, (_, a, b) => b || a))));
    else out.append(...lines(index % 2 ? "```" + part : part.replace(index ? /^\n/ : /^(?!)/, ""), context));
  });
  return out;
}

// A `markdown` block: headings, lists and double-starred bold, on top of the above.
export function markdown(text, context) {
  const asMrkdwn = text
    .replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/^&gt;/gm, ">")
    .replace(/\[([^\]\n]+)\]\((https?:[^)\s]+)\)/g, (_, label, url) => `<${url}|${label.replace(/\|/g, "¦")}>`)
    .replace(/\*\*([^*\n]+)\*\*/g, "*$1*").replace(/^#{1,6} +(.+)$/gm, "*$1*").replace(/^[-*] /gm, "• ");
  return mrkdwn(asMrkdwn, context);
}

export function richText(elements, context) {
  return elements.map((element) => {
    const style = element.style || {};
    if (element.type === "rich_text_list") {
      return el(style === "ordered" || element.style === "ordered" ? "ol" : "ul", {}, element.elements.map((one) => el("li", {}, richText([one], context))));
    }
    if (element.type === "rich_text_quote") return el("blockquote", {}, richText(element.elements, context));
    if (element.type === "rich_text_preformatted") return el("pre", {}, richText(element.elements, context));
    if (element.type === "rich_text_section") return el("div", {}, richText(element.elements, context));
    if (element.type === "link") return link(element.url, element.text || element.url);
    if (element.type === "emoji") return emoji(element.name);
    if (element.type === "user") return special(`@${element.user_id}`, "", context);
    if (element.type === "channel") return special(`#${element.channel_id}`, "", context);
    let node = el("span", {}, withEmoji(element.text || ""));
    for (const [name, tag] of [["bold", "b"], ["italic", "i"], ["strike", "s"], ["code", "code"]]) {
      if (style[name]) node = el(tag, {}, node);
    }
    return node;
  });
}
