/**
 * What e-mails of all kinds share: tables and inline styles, since that is what mail programs have in common, and a style sheet on top for
 * those that know dark mode.
 */
import type { Link } from "../../../core/message.ts";

export const INK = "#12161b";
export const QUIET = "#5f6a76";
const LINE = "#e3e7eb";
export const LINK = "#1756b8";
export const REFERENCE = "#b9c2cc";
export const MOVED = "#ec9440";
export const STATE = { page: "#b3241c", ticket: "#8f4d00", info: "#1756b8", over: "#1b7546" } as const;
const FONT = "-apple-system,'Segoe UI',Inter,Roboto,'Helvetica Neue',Arial,sans-serif";

/** What the style sheet overrides: a mail program that takes no style sheet shows the light colours written inline. */
const DARK = `@media (prefers-color-scheme: dark){body,.paper{background:#101317!important}.ink,.ink a{color:#e8ebef!important}.quiet{color:#8f9aa7!important}.line{border-color:#262c34!important}a.link{color:#86b6ff!important}a.button{background:#86b6ff!important;color:#101317!important}.now{background:#6aa5ff!important}.ref{background:#4a5561!important}.moved{background:#c77d27!important}.page{color:#ff8d7f!important}.ticket{color:#f3b15f!important}.info{color:#86b6ff!important}.over{color:#63c592!important}.light{display:none!important}.dark{display:block!important;max-height:none!important}}`;

/** @param preview what mail programs show beside the subject */
export function page(title: string, preview: string, parts: readonly string[]): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title>${escapeHtml(title)}</title><style>:root{color-scheme:light dark}${DARK}@media (max-width:480px){.pad{padding:16px!important}}</style></head><body style="margin:0;padding:0;background:#ffffff"><div style="display:none;max-height:0;overflow:hidden">${escapeHtml(preview)}</div><table role="presentation" class="paper" width="100%" cellpadding="0" cellspacing="0" style="background:#ffffff"><tr><td class="pad" style="padding:24px" align="left"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:592px"><tr><td class="ink" style="font:15px/1.5 ${FONT};color:${INK}">${parts.join("")}</td></tr></table></td></tr></table></body></html>`;
}

export const paragraph = (text: string, style = "margin:0 0 16px"): string =>
  `<p style="${style}">${escapeHtml(text)}</p>`;

export const table = (rows: string): string =>
  `<table width="100%" cellpadding="0" cellspacing="0" style="border-collapse:collapse;margin:0 0 20px;font-size:14px">${rows}</table>`;

export const CELL = `padding:5px 12px 5px 0;border-bottom:1px solid ${LINE};vertical-align:top`;

export const columnHead = (words: readonly string[]): string =>
  `<tr>${words.map((word, index) => `<th scope="col" class="quiet line" align="${index === 0 ? "left" : "right"}" style="${CELL};${index === words.length - 1 ? "padding-right:0;" : ""}font-size:12px;font-weight:400;color:${QUIET}">${escapeHtml(word)}</th>`).join("")}</tr>`;

/** The first as a button, the others beside it; only what leads to the web. */
export function buttons(links: readonly Link[]): string {
  const all = links.filter(({ url }) => /^https?:\/\//.test(url));
  const [first, ...more] = all;
  if (first === undefined) return "";
  const button = `<a class="button" href="${escapeHtml(first.url)}" style="display:inline-block;padding:9px 16px;border-radius:4px;background:${LINK};color:#ffffff;font-weight:600;text-decoration:none">${escapeHtml(first.label)}</a>`;
  const others = more.map(
    ({ label, url }) =>
      `&nbsp;&nbsp; <a class="link" href="${escapeHtml(url)}" style="color:${LINK}">${escapeHtml(label)}</a>`,
  );
  return `<p style="margin:4px 0 20px;line-height:1.4">${button}${others.join("")}</p>`;
}

/** Escaped, and a per cent sign kept with its number. */
export function escapeHtml(raw: string): string {
  return raw
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;")
    .replace(/'/g, "&#39;")
    .replace(/(\d) %/g, "$1\u00a0%");
}
