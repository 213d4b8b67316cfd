/**
 * An incident's e-mail as HTML: tables and inline styles, since that is what mail programs have in common, and a style sheet on top for
 * those that know dark mode. Everything that came with events is escaped.
 */
import type { Notification } from "../../../core/delivery.ts";
import type { MessageContent, MovedSubject } from "../../../core/message.ts";
import { share } from "../../../core/picture/picture.ts";
import { headlineOf, NAMED_MAX, stateOf } from "./words.ts";

/** Where a picture lies in the mail: content ids, and what it shows for those who can't see it. */
export interface InlinePicture {
  readonly light: string;
  readonly dark: string;
  readonly words: string;
}

const INK = "#12161b";
const QUIET = "#5f6a76";
const LINE = "#e3e7eb";
const LINK = "#1756b8";
const REFERENCE = "#b9c2cc";
const MOVED = "#ec9440";
const STATE = { page: "#b3241c", ticket: "#8f4d00", info: "#1756b8", over: "#1b7546" } as const;
const FONT = "-apple-system,'Segoe UI',Inter,Roboto,'Helvetica Neue',Arial,sans-serif";

/** What the style sheet overrides: a mail program that takes no style sheet shows the light colours written inline. */
const DARK = `@media (prefers-color-scheme: dark){body,.paper{background:#101317!important}.ink,.ink a{color:#e8ebef!important}.quiet{color:#8f9aa7!important}.line{border-color:#262c34!important}a.link{color:#86b6ff!important}a.button{background:#86b6ff!important;color:#101317!important}.now{background:#6aa5ff!important}.ref{background:#4a5561!important}.moved{background:#c77d27!important}.page{color:#ff8d7f!important}.ticket{color:#f3b15f!important}.info{color:#86b6ff!important}.over{color:#63c592!important}.light{display:none!important}.dark{display:block!important;max-height:none!important}}`;

export function mailHtml(notification: Notification, pictures: readonly InlinePicture[]): string {
  const { content, lines, title, incident } = notification;
  const parts = [
    heading(notification),
    ...(content === undefined ? lines.map((line) => paragraph(line)) : [lead(content)]),
    links(notification),
    ...pictures.map(picture),
    ...(content === undefined ? [] : [facts(content), moved(content), changed(content), why(content)]),
    footer(incident.incident_id, content),
  ];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>${escapeHtml(title)}</title><style>:root{color-scheme:light dark}${DARK}@media (max-width:480px){.pad{padding:16px!important}}</style></head><body style="margin:0;padding:0;background:#ffffff"><div style="display:none;max-height:0;overflow:hidden">${escapeHtml(content?.summary ?? "")}</div><table role="presentation" class="paper" width="100%" cellpadding="0" cellspacing="0" style="background:#ffffff"><tr><td class="pad" style="padding:24px" align="left"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:592px"><tr><td class="ink" style="font:15px/1.5 ${FONT};color:${INK}">${parts.join("")}</td></tr></table></td></tr></table></body></html>`;
}

function heading(notification: Notification): string {
  const state = stateOf(notification);
  return `<h1 class="ink" style="margin:0 0 8px;font-size:19px;line-height:1.35;font-weight:600;color:${INK}"><span class="${state.kind}" style="color:${STATE[state.kind]}">${state.mark}&nbsp;${escapeHtml(state.word)}</span>&nbsp; ${escapeHtml(headlineOf(notification))}</h1>`;
}

const paragraph = (text: string, style = "margin:0 0 16px"): string => `<p style="${style}">${escapeHtml(text)}</p>`;

/** What is wrong, and the first reason for it. */
const lead = ({ summary, why: [first] }: MessageContent): string =>
  paragraph(first === undefined ? summary : `${summary} ${first}`);

function picture({ light, dark, words }: InlinePicture): string {
  const image = (cid: string) =>
    `<img src="cid:${cid}" width="592" alt="${escapeHtml(words)}" style="display:block;width:100%;max-width:592px;height:auto;border:0;margin:0 0 20px">`;
  return `<div class="light">${image(light)}</div><!--[if !mso]><!--><div class="dark" style="display:none;max-height:0;overflow:hidden">${image(dark)}</div><!--<![endif]-->`;
}

const table = (rows: string): string =>
  `<table width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse;margin:0 0 20px;font-size:14px">${rows}</table>`;

const CELL = `padding:5px 12px 5px 0;border-bottom:1px solid ${LINE};vertical-align:top`;

function facts({ facts: all }: MessageContent): string {
  const rows = all.map(
    ({ label, value }) =>
      `<tr><th scope="row" class="quiet line" align="left" style="${CELL};width:150px;font-weight:400;color:${QUIET}">${escapeHtml(label)}</th><td class="ink line" style="${CELL};padding-right:0;color:${INK}">${escapeHtml(value)}</td></tr>`,
  );
  return rows.length === 0 ? "" : table(rows.join(""));
}

const columnHead = (words: readonly string[]): string =>
  `<tr>${words.map((word, index) => `<th scope="col" class="quiet line" align="${index === 0 ? "left" : "right"}" style="${CELL};${index === words.length - 1 ? "padding-right:0;" : ""}font-size:12px;font-weight:400;color:${QUIET}">${escapeHtml(word)}</th>`).join("")}</tr>`;

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

function links({ content, link }: Notification): string {
  const all = (content?.links ?? [{ label: "Open in Driftline", url: link }]).filter(({ url }) =>
    /^https?:\/\//.test(url),
  );
  const [first, ...more] = all;
  if (first === undefined) return "";
  const button = `<a class="button" href="${escapeHtml(first.url)}" style="display:inline-block;padding:9px 16px;border-radius:4px;background:${LINK};color:#ffffff;font-weight:600;text-decoration:none">${escapeHtml(first.label)}</a>`;
  const others = more.map(
    ({ label, url }) =>
      `&nbsp;&nbsp; <a class="link" href="${escapeHtml(url)}" style="color:${LINK}">${escapeHtml(label)}</a>`,
  );
  return `<p style="margin:4px 0 20px;line-height:1.4">${button}${others.join("")}</p>`;
}

function footer(incidentId: string, content: MessageContent | undefined): string {
  const legend = content === undefined || content.changed.length === 0 ? "" : "Shares are of all events. ";
  return `<p class="quiet" style="margin:0;font-size:12px;color:${QUIET}">One message for one cause: the next comes only when it changes. ${legend}Incident ${escapeHtml(incidentId)}.</p>`;
}

/** Escaped, and a per cent sign kept with its number. */
function escapeHtml(raw: string): string {
  return raw
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;")
    .replace(/(\d) %/g, "$1\u00a0%");
}
