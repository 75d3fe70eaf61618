// Block Kit: one entry for each type of block.

import { el } from "/dom.js";
import { drawElement, drawImage, drawInput, textOf } from "/elements.js";
import { emoji, markdown, plainText, richText } from "/mrkdwn.js";
import { context } from "/state.js";

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
  plan: (block) => el("div", { class: "plan" }, el("b", {}, plainText(block.title)), (block.tasks || []).map((one) => DRAW.task_card(one))),
  task_card: (block) => el("div", { class: "task" }, emoji({ complete: "white_check_mark", error: "x", in_progress: "hourglass_flowing_sand" }[block.status] || "white_circle"), " ", plainText(block.title)),
};

export function drawBlocks(blocks, place) {
  return el("div", { class: "blocks" }, blocks.map((block) => DRAW[block.type](block, place)));
}
