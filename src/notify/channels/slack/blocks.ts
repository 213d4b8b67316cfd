/**
 * A message as Slack's blocks, within its limits: a header of 150 characters, a section of 3000, 10 fields of 2000, 50 blocks, and about
 * 13,000 characters over all blocks. A message that is refused is the one nobody hears of, so what does not fit is counted and left out.
 */
import type { KnownBlock } from "@slack/web-api";
import type { Notification } from "../../../core/delivery.ts";
import { share } from "../../../core/picture/picture.ts";
import { cutText } from "../../../core/plain-text.ts";

const HEADER_MAX = 150;
export const SECTION_MAX = 3000;
const FIELDS_MAX = 10;
const FIELD_MAX = 300;
const SUMMARY_MAX = 1000;
export const TEXT_MAX = 4000;
/** Of what takes part; leaves room for the rest under the limit of a message. */
const NAMED_CHARACTERS_MAX = 4500;
const CHANGED_CHARACTERS_MAX = 1500;
const WHY_CHARACTERS_MAX = 1500;
const LINKS_MAX = 5;

export function messageBlocks(notification: Notification): KnownBlock[] {
  const { title, lines, content, link } = notification;
  if (content === undefined)
    return [
      header(title),
      ...bullets("", lines, lines.length, NAMED_CHARACTERS_MAX),
      ...links([{ label: "Open in Driftline", url: link }]),
    ];
  const sentences = content.moved.map(({ sentence }) => sentence);
  const changed = content.changed.map(({ what, before, after }) => `${what}: ${share(before)} → ${share(after)}`);
  return [
    header(title),
    section(cutEscaped(escapeSlack(content.summary), SUMMARY_MAX)),
    ...facts(content.facts),
    ...(content.movedCount > 1 ? bullets("What takes part", sentences, content.movedCount, NAMED_CHARACTERS_MAX) : []),
    ...bullets("What changed", changed, changed.length, CHANGED_CHARACTERS_MAX),
    ...bullets("Why", content.why, content.why.length, WHY_CHARACTERS_MAX),
    ...links(content.links),
  ];
}

/** The change alone, for the thread of a message that is kept up to date itself. */
export function changeText({ title, content, lines }: Notification): string {
  const more = content?.summary ?? lines[0] ?? "";
  return cutEscaped(`*${escapeSlack(title)}*${more === "" ? "" : `\n${escapeSlack(more)}`}`, SECTION_MAX);
}

export const header = (title: string): KnownBlock => ({
  type: "header",
  text: { type: "plain_text", text: cutText(title.trim() === "" ? "Driftline" : title, HEADER_MAX), emoji: false },
});

export const section = (text: string): KnownBlock => ({
  type: "section",
  text: { type: "mrkdwn", text, verbatim: true },
});

function facts(all: readonly { readonly label: string; readonly value: string }[]): KnownBlock[] {
  if (all.length === 0) return [];
  const fields = all.slice(0, FIELDS_MAX).map(({ label, value }) => ({
    type: "mrkdwn" as const,
    text: cutEscaped(`*${escapeSlack(label)}*\n${escapeSlack(value)}`, FIELD_MAX),
    verbatim: true,
  }));
  return [{ type: "section", fields }];
}

/** A list within `characters`, over as many sections as it takes; the last line counts what is left out. */
function bullets(heading: string, items: readonly string[], count: number, characters: number): KnownBlock[] {
  if (items.length === 0) return [];
  const texts: string[] = [];
  let text = heading === "" ? "" : `*${escapeSlack(heading)}*`;
  let used = text.length;
  let shown = 0;
  for (const item of items) {
    const line = cutEscaped(`• ${escapeSlack(item)}`, SECTION_MAX);
    if (used + line.length + 1 > characters) break;
    if (text.length + line.length + 1 > SECTION_MAX) {
      texts.push(text);
      text = "";
    }
    text = text === "" ? line : `${text}\n${line}`;
    used += line.length + 1;
    shown += 1;
  }
  const left = count - shown;
  // Sections end below their limit by more than this line takes.
  if (left > 0) {
    const rest = `and ${left} more of ${count}`;
    if (text.length + rest.length + 1 > SECTION_MAX) {
      texts.push(text);
      text = rest;
    } else text = `${text}\n${rest}`;
  }
  return [...texts, text].map(section);
}

export function links(all: readonly { readonly label: string; readonly url: string }[]): KnownBlock[] {
  const written = all
    .filter(({ url }) => /^https?:\/\/[^\s<>|]+$/.test(url) && url.length < 500)
    .slice(0, LINKS_MAX)
    .map(({ label, url }) => `<${escapeSlack(url, false)}|${escapeSlack(cutText(label, 80))}>`);
  return written.length === 0 ? [] : [section(written.join("   "))];
}

/** Slack's three control characters; with them no mention, link or command can be written by an event. */
export function escapeSlack(text: string, styled = true): string {
  const safe = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  // A zero-width space after markup characters keeps *, _, ~ and ` from styling what is a name.
  return styled ? safe.replace(/[*_~`]/g, "$&\u200b") : safe;
}

/** Of escaped text: not in the middle of an escape either. */
export function cutEscaped(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${text.slice(0, longest - 1).replace(/&[a-z]{0,4}$|[\ud800-\udbff]$/, "")}…`;
}
