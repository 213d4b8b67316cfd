/** A number over time with its limit and what the reference showed, as SVG. Gaps stay gaps. */
import { figure, type SeriesPicture } from "./picture.ts";
import { type Frame, svg, text, WIDTH } from "./svg-parts.ts";

const TOP = 34;
const HEIGHT = 112;
const BOTTOM = TOP + HEIGHT;
const DAY = 86_400_000;

export function seriesSvg(frame: Frame, picture: SeriesPicture): string {
  const { colours } = frame;
  const line = picture.estimated ? colours.estimate : colours.current;
  const { x, y } = scales(picture);
  const last = picture.points.findLast(({ value }) => value !== null);
  const first = picture.points[0];
  const end = picture.points.at(-1);
  const lines = levels(picture).map((level) => {
    const stroke =
      level.kind === "limit" ? `stroke="${colours.limit}" stroke-dasharray="4 3"` : `stroke="${colours.reference}"`;
    return `<path d="M0 ${y(level.value).toFixed(1)}H${WIDTH}" fill="none" ${stroke}/>`;
  });
  const labels = levels(picture).map((level) => {
    const fill = level.kind === "limit" ? colours.limit : colours.quiet;
    const words = `${level.kind} ${figure(level.value)}`;
    return text(2, y(level.value) + (level.below ? 17 : -10), words, { fill, size: 13, halo: colours.paper });
  });
  const span = (end?.at ?? 0) - (first?.at ?? 0);
  return svg(frame, BOTTOM + 24, [
    text(0, 14, picture.title, { fill: colours.ink, size: 15, bold: true, width: WIDTH }),
    ...(picture.onset === null ? [] : [onsetMark(frame, x(picture.onset))]),
    ...lines,
    `<path d="${path(picture, x, y)}" fill="none" stroke="${line}" stroke-width="2" stroke-linejoin="round" stroke-linecap="round"/>`,
    ...labels,
    ...(last?.value === undefined || last.value === null
      ? []
      : [lastPoint(frame, { x: x(last.at), y: y(last.value), steep: isSteep(picture, y) }, figure(last.value), line)]),
    `<path d="M0 ${BOTTOM + 0.5}H${WIDTH}" stroke="${colours.line}"/>`,
    ...(first === undefined ? [] : [text(0, BOTTOM + 17, moment(first.at, span), { fill: colours.quiet, size: 13 })]),
    ...(end === undefined
      ? []
      : [text(WIDTH, BOTTOM + 17, moment(end.at, span), { fill: colours.quiet, size: 13, anchor: "end" })]),
  ]);
}

function scales({ points, limit, reference, onset }: SeriesPicture) {
  const values = [...points.map(({ value }) => value), limit, reference].filter((value) => value !== null);
  // Over the greatest of them, since the range of two doubles may be more than a double holds.
  const unit = Math.max(Number.MIN_VALUE, ...values.map(Math.abs));
  const low = values.length === 0 ? 0 : Math.min(...values) / unit;
  const high = values.length === 0 ? 1 : Math.max(...values) / unit;
  const room = high > low ? (high - low) * 0.12 : 0.1;
  const [from, to] = [low - room, high + room];
  const times = [...points.map(({ at }) => at), ...(onset === null ? [] : [onset])];
  const begin = Math.min(...times);
  const span = Math.max(1, Math.max(...times) - begin);
  return {
    // Room at the right for the last value's dot.
    x: (at: number) => ((at - begin) / span) * (WIDTH - 8),
    y: (value: number) => BOTTOM - ((value / unit - from) / (to - from)) * HEIGHT,
  };
}

/** The limit and the reference's value; their labels on the sides that are away from each other. */
function levels({ limit, reference }: SeriesPicture) {
  const limitIsLower = limit !== null && reference !== null && limit <= reference;
  return [
    ...(reference === null ? [] : [{ kind: "reference", value: reference, below: limit !== null && !limitIsLower }]),
    ...(limit === null ? [] : [{ kind: "limit", value: limit, below: limitIsLower }]),
  ];
}

function path({ points }: SeriesPicture, x: (at: number) => number, y: (value: number) => number): string {
  let command = "M";
  let out = "";
  for (const [index, { at, value }] of points.entries()) {
    if (value === null) {
      command = "M";
      continue;
    }
    const alone = command === "M" && (points[index + 1]?.value ?? null) === null;
    out += `${command}${x(at).toFixed(1)} ${y(value).toFixed(1)}${alone ? "h0.01" : ""}`;
    command = "L";
  }
  return out === "" ? "M0 0" : out;
}

function onsetMark({ colours }: Frame, x: number): string {
  const anchor = x > WIDTH / 2 ? "end" : "start";
  return `<path d="M${x.toFixed(1)} ${TOP - 6}V${BOTTOM}" stroke="${colours.quiet}" stroke-dasharray="2 3"/>${text(x + (anchor === "end" ? -5 : 5), TOP + 2, "began", { fill: colours.quiet, size: 13, anchor, halo: colours.paper })}`;
}

/** A line that arrives steeply leaves room beside its end, any other one below or above it. */
function isSteep({ points }: SeriesPicture, y: (value: number) => number): boolean {
  const [before, last] = points.flatMap(({ value }) => (value === null ? [] : [value])).slice(-2);
  return before !== undefined && last !== undefined && Math.abs(y(before) - y(last)) > 12;
}

function lastPoint(
  { colours }: Frame,
  at: { readonly x: number; readonly y: number; readonly steep: boolean },
  words: string,
  fill: string,
): string {
  const down = at.steep ? 5 : at.y > BOTTOM - 18 ? -9 : 17;
  const label = text(at.x - 9, at.y + down, words, { fill, size: 14, bold: true, anchor: "end", halo: colours.paper });
  return `<circle cx="${at.x.toFixed(1)}" cy="${at.y.toFixed(1)}" r="3.5" fill="${fill}"/>${label}`;
}

/** The day, with the time where the whole picture spans less than three. */
function moment(at: number, span: number): string {
  const iso = new Date(at).toISOString();
  return span < 3 * DAY ? `${iso.slice(0, 16).replace("T", " ")} UTC` : iso.slice(0, 10);
}
