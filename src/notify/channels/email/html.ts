/** An incident's e-mail as HTML. Everything that came with events is escaped. */
import type { Notification } from "../../../core/delivery.ts";
import type { MessageContent, MovedSubject } from "../../../core/message.ts";
import { share } from "../../../core/picture/picture.ts";
import {
  buttons,
  CELL,
  columnHead,
  escapeHtml,
  INK,
  LINK,
  MOVED,
  page,
  paragraph,
  QUIET,
  REFERENCE,
  STATE,
  table,
} from "./layout.ts";
import { headlineOf, NAMED_MAX, stateOf } from "./words.ts";

/** Where a picture lies in the mail: content ids, and what it shows for those who can't see it. */
export interface InlinePicture {
  readonly light: string;
  readonly dark: string;
  readonly words: string;
}

export function mailHtml(notification: Notification, pictures: readonly InlinePicture[]): string {
  const { content, lines, title, incident, link } = notification;
  const parts = [
    heading(notification),
    ...(content === undefined ? lines.map((line) => paragraph(line)) : [lead(content)]),
    buttons(content?.links ?? [{ label: "Open in Driftline", url: link }]),
    ...pictures.map(picture),
    ...(content === undefined ? [] : [facts(content), moved(content), changed(content), why(content)]),
    footer(incident.incident_id, content),
  ];
  return page(title, content?.summary ?? "", parts);
}

function heading(notification: Notification): string {
  const state = stateOf(notification);
  return `<h1 class="ink" style="margin:0 0 8px;font-size:19px;line-height:1.35;font-weight:600;color:${INK}"><span class="${state.kind}" style="color:${STATE[state.kind]}">${state.mark}&nbsp;${escapeHtml(state.word)}</span>&nbsp; ${escapeHtml(headlineOf(notification))}</h1>`;
}

/** What is wrong, and the first reason for it. */
const lead = ({ summary, why: [first] }: MessageContent): string =>
  paragraph(first === undefined ? summary : `${summary} ${first}`);

function picture({ light, dark, words }: InlinePicture): string {
  const image = (cid: string) =>
    `<img src="cid:${cid}" width="592" alt="${escapeHtml(words)}" style="display:block;width:100%;max-width:592px;height:auto;border:0;margin:0 0 20px">`;
  return `<div class="light">${image(light)}</div><!--[if !mso]><!--><div class="dark" style="display:none;max-height:0;overflow:hidden">${image(dark)}</div><!--<![endif]-->`;
}

function facts({ facts: all }: MessageContent): string {
  const rows = all.map(
    ({ label, value }) =>
      `<tr><th scope="row" class="quiet line" align="left" style="${CELL};width:150px;font-weight:400;color:${QUIET}">${escapeHtml(label)}</th><td class="ink line" style="${CELL};padding-right:0;color:${INK}">${escapeHtml(value)}</td></tr>`,
  );
  return rows.length === 0 ? "" : table(rows.join(""));
}

/** One row a subject; what is alone stands in the heading already. */
function moved({ moved: all, movedCount }: MessageContent): string {
  if (movedCount < 2) return "";
  const shown = all.slice(0, NAMED_MAX);
  const left = movedCount - shown.length;
  const hasBars = shown.some(({ part }) => part !== null);
  const figures = (text: string, last = false) =>
    `<td class="ink line" align="right" style="${CELL};${last ? "padding-right:0;" : ""}white-space:nowrap;color:${INK}">${text}</td>`;
  const row = (one: MovedSubject) => {
    const back = one.firing ? "" : ` <span class="over" style="color:${STATE.over}">back within its limit</span>`;
    const value = escapeHtml(one.value);
    return `<tr><th scope="row" class="ink line" align="left" style="${CELL};font-weight:400;color:${INK};word-break:break-word">${escapeHtml(one.name)}${back}</th>${hasBars ? `<td class="line" style="${CELL};width:30%;vertical-align:middle">${one.part === null ? "" : bar(one.part, "moved", MOVED, 8)}</td>` : ""}${figures(one.firing ? `<b>${value}</b>` : value)}${figures(escapeHtml(one.limit), true)}</tr>`;
  };
  const rest =
    left > 0
      ? `<tr><td colspan="4" class="quiet" style="padding:6px 0;color:${QUIET}">and ${left} more of ${movedCount}</td></tr>`
      : "";
  const heads = ["What takes part", ...(hasBars ? [""] : []), "Value", "Limit"];
  return table(`${columnHead(heads)}${shown.map(row).join("")}${rest}`);
}

/** A length, 0..1 of its cell; at least a line where it is not zero. */
function bar(part: number, kind: "ref" | "now" | "moved", colour: string, height: number): string {
  const size = `height:${height}px;line-height:${height}px;font-size:0`;
  if (part <= 0) return `<div style="${size}">&nbsp;</div>`;
  return `<div class="${kind}" style="width:${Math.max(1, Math.round(part * 100))}%;background:${colour};${size}">&nbsp;</div>`;
}

/** Shares before and now as numbers and as bars over each other. */
function changed({ changed: all }: MessageContent): string {
  if (all.length === 0) return "";
  const widest = Math.max(0.01, ...all.flatMap(({ before, after }) => [before, after]));
  const rows = all.map(
    ({ what, before, after }) =>
      `<tr><th scope="row" class="ink line" align="left" style="${CELL};font-weight:400;color:${INK};word-break:break-word">${escapeHtml(what)}</th><td class="line" style="${CELL};width:34%;vertical-align:middle">${bar(before / widest, "ref", REFERENCE, 5)}${bar(after / widest, "now", LINK, 5)}</td><td class="ink line" align="right" style="${CELL};padding-right:0;white-space:nowrap;color:${INK}">${escapeHtml(share(before))} → <b>${escapeHtml(share(after))}</b></td></tr>`,
  );
  return table(`${columnHead(["What changed", "", "reference → now"])}${rows.join("")}`);
}

/** The reasons after the first, which stands in the lead. */
function why({ why: [, ...more] }: MessageContent): string {
  if (more.length === 0) return "";
  return `<p style="margin:0 0 4px;font-weight:600">Also</p><ul style="margin:0 0 20px;padding-left:20px">${more.map((sentence) => `<li>${escapeHtml(sentence)}</li>`).join("")}</ul>`;
}

function footer(incidentId: string, content: MessageContent | undefined): string {
  const legend = content === undefined || content.changed.length === 0 ? "" : "Shares are of all events. ";
  return `<p class="quiet" style="margin:0;font-size:12px;color:${QUIET}">One message for one cause: the next comes only when it changes. ${legend}Incident ${escapeHtml(incidentId)}.</p>`;
}
