/**
 * A digest as Slack's blocks, within the limits that blocks.ts names: a section a model, the worst first, and a count of the models that
 * no longer fit.
 */
import type { KnownBlock } from "@slack/web-api";
import {
  type DigestMessage,
  type DigestModel,
  deadLetterSentence,
  groupsOf,
  HEADS_WORDS,
  headText,
  quietSentence,
} from "../../../core/digest.ts";
import { cutText } from "../../../core/plain-text.ts";
import { cutEscaped, escapeSlack, header, links, SECTION_MAX, section } from "./blocks.ts";

/** With what stands before and after them below 50 blocks, and all texts below 13,000 characters. */
const MODELS_MAX = 40;
const MODELS_CHARACTERS_MAX = 9_000;
const ENTRIES_MAX = 8;
const SENTENCE_MAX = 500;
const QUIET_MAX = 20;
const HEADS_MAX = 10;

export function digestBlocks({ title, period, digest }: DigestMessage): KnownBlock[] {
  const texts: string[] = [];
  let used = 0;
  for (const model of digest.models.items.slice(0, MODELS_MAX)) {
    const text = modelText(model);
    if (used + text.length > MODELS_CHARACTERS_MAX) break;
    texts.push(text);
    used += text.length;
  }
  const left = digest.models.count - texts.length;
  const rest = [
    ...(left > 0 ? [`and ${left} more ${left === 1 ? "model" : "models"}`] : []),
    quietSentence(digest.quiet, QUIET_MAX),
    deadLetterSentence(digest.dead_letters),
  ].filter((sentence) => sentence !== "");
  return [
    header(title),
    context(period),
    section(cutEscaped(escapeSlack(digest.summary), SECTION_MAX)),
    ...texts.map(section),
    ...(rest.length === 0 ? [] : [section(cutEscaped(rest.map((text) => escapeSlack(text)).join("\n"), SECTION_MAX))]),
    ...links(digest.links),
    ...(digest.audit_heads.length === 0
      ? []
      : [context([HEADS_WORDS, ...digest.audit_heads.slice(0, HEADS_MAX).map(headText)].join("\n"))]),
  ];
}

/** The model's name, then each group's entries that fit into a section. */
function modelText(model: DigestModel): string {
  const name = escapeSlack(cutText(model.model, 80));
  const isLink = /^https?:\/\/[^\s<>|]+$/.test(model.link) && model.link.length < SENTENCE_MAX;
  let text = isLink ? `*<${escapeSlack(model.link, false)}|${name}>*` : `*${name}*`;
  for (const { heading, entries, more } of groupsOf(model, ENTRIES_MAX)) {
    const lines = entries.map(({ sentence }) => `• ${cutEscaped(escapeSlack(sentence), SENTENCE_MAX)}`);
    const fitting: string[] = [];
    let room = SECTION_MAX - text.length - heading.length - 40;
    for (const line of lines) {
      if (line.length + 1 > room) break;
      fitting.push(line);
      room -= line.length + 1;
    }
    const left = more + lines.length - fitting.length;
    if (room < 0) break;
    text += `\n_${heading}_\n${[...fitting, ...(left > 0 ? [`and ${left} more`] : [])].join("\n")}`;
  }
  return text;
}

const context = (text: string): KnownBlock => ({
  type: "context",
  elements: [{ type: "plain_text", text: cutText(text, SECTION_MAX), emoji: false }],
});
