/** An incident's e-mail as plain text: for a terminal, a phone's lock screen, and those who read no HTML. */
import type { Notification } from "../../../core/delivery.ts";
import type { MessageContent } from "../../../core/message.ts";
import { share } from "../../../core/picture/picture.ts";
import { NAMED_MAX } from "./words.ts";

export function mailText({ title, lines, link, content }: Notification): string {
  if (content === undefined) return [title, "", ...lines, ...(link === "" ? [] : ["", link])].join("\n");
  const width = Math.max(0, ...content.facts.map(({ label }) => label.length));
  const paragraphs = [
    [title],
    [content.summary],
    content.facts.map(({ label, value }) => `${label.padEnd(width)}  ${value}`),
    takingPart(content),
    list(
      "What changed",
      content.changed.map(({ what, before, after }) => `${what}: ${share(before)} -> ${share(after)}`),
    ),
    list("Why", content.why),
    content.links.map(({ label, url }) => `${label}: ${url}`),
  ];
  return paragraphs
    .filter((paragraph) => paragraph.length > 0)
    .map((paragraph) => paragraph.join("\n"))
    .join("\n\n");
}

function takingPart({ moved, movedCount }: MessageContent): string[] {
  if (movedCount < 2) return [];
  const shown = moved.slice(0, NAMED_MAX).map(({ sentence }) => sentence);
  const left = movedCount - shown.length;
  return list("What takes part", [...shown, ...(left > 0 ? [`and ${left} more of ${movedCount}`] : [])]);
}

const list = (heading: string, items: readonly string[]): string[] =>
  items.length === 0 ? [] : [heading, ...items.map((item) => `  - ${item}`)];
