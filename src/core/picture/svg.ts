/** Pictures of messages as SVG, in the colours of the page, light or dark. Every name in them is escaped. */
import { stairs, ticks } from "../distribution.ts";
import { palettes, type Theme } from "./palette.ts";
import { type CategoriesPicture, figure, type HistogramPicture, type Picture, share } from "./picture.ts";
import { seriesSvg } from "./series-svg.ts";
import { type Frame, svg, text, WIDTH } from "./svg-parts.ts";

/** A picture 560 wide and its margin, on the paper's own colour. */
export function pictureSvg(picture: Picture, theme: Theme, margin = 0): string {
  const frame: Frame = { colours: palettes[theme], margin };
  if (picture.kind === "series") return seriesSvg(frame, picture);
  return picture.kind === "categories" ? categoriesSvg(frame, picture) : histogramSvg(frame, picture);
}

const PLOT_TOP = 34;
const PLOT_HEIGHT = 120;
/** Room for a tick's label. */
const AXIS = 24;

function histogramSvg(frame: Frame, picture: HistogramPicture): string {
  const { colours } = frame;
  const highest = Math.max(1e-9, ...picture.reference, ...picture.window);
  const bottom = PLOT_TOP + PLOT_HEIGHT;
  const box = { width: WIDTH, height: PLOT_HEIGHT };
  const moved = `transform="translate(0 ${PLOT_TOP})"`;
  const place = (value: number) => ((value - picture.from) / (picture.to - picture.from)) * WIDTH;
  const marks = ticks(picture.from, picture.to, 7).map((mark) => {
    const x = place(mark);
    const anchor = x < 16 ? "start" : x > WIDTH - 16 ? "end" : "middle";
    return text(x, bottom + 17, figure(mark), { fill: colours.quiet, size: 13, anchor });
  });
  return svg(frame, bottom + AXIS, [
    heading(frame, picture.title),
    `<path d="${stairs(picture.reference, highest, true, box)}" ${moved} fill="${colours.reference}"/>`,
    `<path d="${stairs(picture.window, highest, false, box)}" ${moved} fill="none" stroke="${colours.current}" stroke-width="2" stroke-linejoin="round"/>`,
    `<path d="M0 ${bottom + 0.5}H${WIDTH}" stroke="${colours.line}"/>`,
    ...marks,
  ]);
}

const ROW = 26;
const LABEL_WIDTH = 180;
const FIGURES_WIDTH = 130;

function categoriesSvg(frame: Frame, picture: CategoriesPicture): string {
  const { colours } = frame;
  const widest = Math.max(0.01, ...picture.rows.flatMap((row) => [row.reference, row.window]));
  const room = WIDTH - LABEL_WIDTH - FIGURES_WIDTH;
  const lines = picture.rows.flatMap((row, index) => {
    const y = PLOT_TOP + index * ROW;
    const bar = (value: number, top: number, height: number, fill: string) =>
      `<rect x="${LABEL_WIDTH}" y="${y + top}" width="${((value / widest) * room).toFixed(1)}" height="${height}" fill="${fill}"/>`;
    return [
      text(0, y + 15, row.label, { fill: colours.ink, size: 14, width: LABEL_WIDTH - 12 }),
      bar(row.reference, 2, 16, colours.reference),
      bar(row.window, 6, 8, colours.current),
      text(WIDTH, y + 15, `${share(row.reference)} → ${share(row.window)}`, {
        fill: colours.ink,
        size: 14,
        anchor: "end",
      }),
    ];
  });
  return svg(frame, PLOT_TOP + picture.rows.length * ROW + 4, [heading(frame, picture.title), ...lines]);
}

/** The title, and what the two colours are. */
function heading({ colours }: Frame, title: string): string {
  const key = (x: number, fill: string, word: string, height: number) =>
    `<rect x="${x}" y="${10 - height / 2}" width="14" height="${height}" fill="${fill}"/>${text(x + 19, 14, word, { fill: colours.quiet, size: 13 })}`;
  return [
    text(0, 14, title, { fill: colours.ink, size: 15, bold: true, width: WIDTH - 180 }),
    key(WIDTH - 164, colours.reference, "reference", 10),
    key(WIDTH - 54, colours.current, "now", 4),
  ].join("");
}
