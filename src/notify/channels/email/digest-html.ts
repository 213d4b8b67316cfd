/** A digest's e-mail as HTML: a heading a model, its KPIs as a table with their change, everything else as sentences. */
import {
  type DigestGroup,
  type DigestIncident,
  type DigestKpi,
  type DigestMessage,
  type DigestModel,
  deadLetterSentence,
  groupsOf,
  HEADS_WORDS,
  headText,
  quietSentence,
} from "../../../core/digest.ts";
import { figure } from "../../../core/picture/picture.ts";
import { buttons, CELL, columnHead, escapeHtml, INK, LINK, page, paragraph, QUIET, STATE, table } from "./layout.ts";
import { DIGEST_ENTRIES_MAX, DIGEST_MODELS_MAX, DIGEST_QUIET_MAX } from "./words.ts";

export function digestHtml({ title, period, digest }: DigestMessage): string {
  const shown = digest.models.items.slice(0, DIGEST_MODELS_MAX);
  const left = digest.models.count - shown.length;
  const rest = [quietSentence(digest.quiet, DIGEST_QUIET_MAX), deadLetterSentence(digest.dead_letters)];
  return page(title, digest.summary, [
    `<h1 class="ink" style="margin:0 0 2px;font-size:19px;line-height:1.35;font-weight:600;color:${INK}">${escapeHtml(title)}</h1>`,
    `<p class="quiet" style="margin:0 0 12px;font-size:13px;color:${QUIET}">${escapeHtml(period)}</p>`,
    paragraph(digest.summary),
    buttons(digest.links),
    ...shown.map(modelPart),
    ...(left > 0 ? [paragraph(`and ${left} more ${left === 1 ? "model" : "models"}`)] : []),
    ...rest.filter((sentence) => sentence !== "").map((sentence) => paragraph(sentence)),
    heads(digest.audit_heads.map(headText)),
  ]);
}

function modelPart(model: DigestModel): string {
  const groups = groupsOf(model, DIGEST_ENTRIES_MAX).map((group) => {
    if (group.heading !== "KPIs") return sentences(group, model.incidents.items);
    return `${heading(group.heading)}${kpiTable(model.kpis.items.slice(0, group.entries.length))}${more(group)}`;
  });
  return `<h2 class="ink line" style="margin:24px 0 8px;padding-top:12px;border-top:1px solid #e3e7eb;font-size:16px;line-height:1.35;font-weight:600;color:${INK}">${linked(model.model, model.link)}</h2>${groups.join("")}`;
}

const heading = (text: string): string =>
  `<p class="quiet" style="margin:0 0 2px;font-size:12px;color:${QUIET}">${escapeHtml(text)}</p>`;

const more = ({ more: left }: DigestGroup): string =>
  left === 0 ? "" : `<p class="quiet" style="margin:-8px 0 12px;color:${QUIET}">and ${left} more</p>`;

const linked = (text: string, url: string): string =>
  /^https?:\/\//.test(url)
    ? `<a class="link" href="${escapeHtml(url)}" style="color:${LINK};text-decoration:none">${escapeHtml(text)}</a>`
    : escapeHtml(text);

function sentences(group: DigestGroup, incidents: readonly DigestIncident[]): string {
  const items = group.entries.map(({ sentence, link }) => {
    const incident = incidents.find((one) => one.sentence === sentence && one.link === link);
    return `<li style="margin:0 0 4px;word-break:break-word">${incident === undefined ? "" : mark(incident)}${linked(sentence, link)}</li>`;
  });
  return `${heading(group.heading)}<ul style="margin:0 0 14px;padding-left:18px">${items.join("")}</ul>${more(group)}`;
}

/** A colour and a shape: the word stands in the sentence. */
function mark({ severity, state }: DigestIncident): string {
  const kind = state === "resolved" ? "over" : severity;
  const shape = kind === "over" ? "●" : severity === "page" ? "■" : "▲";
  return `<span class="${kind}" style="color:${STATE[kind]}">${shape}</span>&nbsp;`;
}

function kpiTable(kpis: readonly DigestKpi[]): string {
  const cell = (text: string, last = false) =>
    `<td class="ink line" align="right" style="${CELL};${last ? "padding-right:0;" : ""}white-space:nowrap;color:${INK}">${text}</td>`;
  const rows = kpis.map((kpi) => {
    const { metric, version, variant, value, lower, upper, limit, breached, before } = kpi;
    const series = [...(version === "" ? [] : [`version ${version}`]), ...(variant === "" ? [] : [variant])].join(", ");
    const name = `${metric.replaceAll("_", " ")}${series === "" ? "" : ` (${series})`}`;
    const bounds = lower === null || upper === null ? "–" : `${figure(lower)} to ${figure(upper)}`;
    const shown = breached
      ? `<b class="page" style="color:${STATE.page}">${figure(value)}</b>`
      : `<b>${figure(value)}</b>`;
    const change = before === null ? "–" : `${value >= before ? "+" : "−"}${figure(Math.abs(value - before))}`;
    return `<tr><th scope="row" class="ink line" align="left" style="${CELL};font-weight:400;color:${INK};word-break:break-word">${linked(name, kpi.link)}</th>${cell(shown)}${cell(escapeHtml(bounds))}${cell(limit === null ? "–" : figure(limit))}${cell(change, true)}</tr>`;
  });
  return table(`${columnHead(["KPI", "Value", "95 % interval", "Limit", "Change"])}${rows.join("")}`);
}

function heads(texts: readonly string[]): string {
  if (texts.length === 0) return "";
  const lines = texts.map(
    (text) => `<br><code style="font-family:ui-monospace,Menlo,Consolas,monospace">${escapeHtml(text)}</code>`,
  );
  return `<p class="quiet line" style="margin:24px 0 0;padding-top:12px;border-top:1px solid #e3e7eb;font-size:11px;word-break:break-all;color:${QUIET}">${escapeHtml(HEADS_WORDS)}${lines.join("")}</p>`;
}
