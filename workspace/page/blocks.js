// Block Kit: one entry for each type of block.

import { el } from "/dom.js";
import { drawElement, drawImage, drawInput, textOf } from "/elements.js";
import { markdown, plainText, richText } from "/mrkdwn.js";
import { context } from "/state.js";

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

export function drawBlocks(blocks, place) {
  return el("div", { class: "blocks" }, blocks.map((block) => DRAW[block.type](block, place)));
}
