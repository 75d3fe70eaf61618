// Making elements of the page, and changing them.

export const $ = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function safeUrl(url) {
  try {
    return ["http:", "https:"].includes(new URL(url).protocol) ? url : null;
  } catch {
    return null;
  }
}

export function link(url, label, attributes = {}) {
  const target = safeUrl(url);
  if (!target) return document.createTextNode(label);
  return el("a", { href: target, target: "_blank", rel: "noopener noreferrer", ...attributes }, label);
}

// Draws `items` into `box`, touching only what changed, so that focus and selection survive.
export function sync(box, items, key, render) {
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
