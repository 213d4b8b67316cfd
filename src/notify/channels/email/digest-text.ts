/** A digest's e-mail as plain text. */
import {
  type DigestMessage,
  type DigestModel,
  deadLetterSentence,
  groupsOf,
  HEADS_WORDS,
  headText,
  quietSentence,
} from "../../../core/digest.ts";
import { DIGEST_ENTRIES_MAX, DIGEST_MODELS_MAX, DIGEST_QUIET_MAX } from "./words.ts";

export function digestText({ title, period, digest }: DigestMessage): string {
  const shown = digest.models.items.slice(0, DIGEST_MODELS_MAX);
  const left = digest.models.count - shown.length;
  const paragraphs = [
    [title, period],
    [digest.summary],
    ...shown.map(modelText),
    left > 0 ? [`and ${left} more ${left === 1 ? "model" : "models"}`] : [],
    [quietSentence(digest.quiet, DIGEST_QUIET_MAX), deadLetterSentence(digest.dead_letters)].filter((s) => s !== ""),
    digest.links.map(({ label, url }) => `${label}: ${url}`),
    digest.audit_heads.length === 0 ? [] : [HEADS_WORDS, ...digest.audit_heads.map((head) => `  ${headText(head)}`)],
  ];
  return paragraphs
    .filter((paragraph) => paragraph.length > 0)
    .map((paragraph) => paragraph.join("\n"))
    .join("\n\n");
}

function modelText(model: DigestModel): string[] {
  return [
    `${model.model}${model.link === "" ? "" : `  ${model.link}`}`,
    ...groupsOf(model, DIGEST_ENTRIES_MAX).flatMap(({ heading, entries, more }) => [
      `  ${heading}`,
      ...entries.map(({ sentence }) => `  - ${sentence}`),
      ...(more > 0 ? [`  and ${more} more`] : []),
    ]),
  ];
}
