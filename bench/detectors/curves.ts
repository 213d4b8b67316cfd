/** The median delay by the size of a shift as a picture: plain SVG, drawn from the same figures as the table. */
import type { KindResult, Row } from "./plan.ts";

interface Panel {
  readonly title: string;
  /** Size of a shift by the name of its column; the others are left out. */
  readonly prefix: string;
  readonly sizes: readonly number[];
}

const panels: readonly Panel[] = [
  { title: "Shift of the mean, in standard deviations", prefix: "mean +", sizes: [0.05, 0.1, 0.2, 0.5, 1] },
  { title: "Growth of the standard deviation", prefix: "sd ×", sizes: [1.1, 1.3, 1.5] },
];

/** Rule and start of what its threshold is called; colours that are told apart without colour vision too, with a dash for the tuned ones. */
const curves: readonly { rule: string; chosen: string; label: string; colour: string; dash: string }[] = [
  {
    rule: "Driftline notice, panes of 10",
    chosen: "matched",
    label: "Driftline notice, panes of 10",
    colour: "#0072b2",
    dash: "",
  },
  {
    rule: "Driftline notice, panes of 100",
    chosen: "matched",
    label: "Driftline notice, panes of 100",
    colour: "#56b4e9",
    dash: "",
  },
  {
    rule: "Driftline page, panes of 100",
    chosen: "promised",
    label: "Driftline page, panes of 100",
    colour: "#d55e00",
    dash: "",
  },
  { rule: "ADWIN", chosen: "matched", label: "ADWIN", colour: "#009e73", dash: "6 3" },
  { rule: "Page-Hinkley", chosen: "matched", label: "Page-Hinkley", colour: "#cc79a7", dash: "6 3" },
  { rule: "CvM, sliding 300", chosen: "matched", label: "CvM, sliding window of 300", colour: "#e69f00", dash: "6 3" },
  {
    rule: "Wasserstein / sd",
    chosen: "matched",
    label: "Wasserstein, windows of 1,000",
    colour: "#8a6d00",
    dash: "2 3",
  },
  { rule: "KS", chosen: "matched", label: "KS, windows of 1,000", colour: "#555555", dash: "2 3" },
];

const width = 900;
const height = 440;
const top = 50;
const bottom = 330;
const panelWidth = 350;
const decades = [10, 100, 1000, 10_000, 100_000];

export function delayCurves(result: KindResult): string {
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="Median detection delay by size of the shift">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="70" y="22" font-size="15" fill="#222">Median events until a shift is found, at one false alarm in 100,000 events</text>`,
    ...panels.flatMap((panel, index) => drawPanel(panel, 70 + index * (panelWidth + 80), result)),
    ...curves.flatMap(({ label, colour, dash }, index) => {
      const [x, y] = [70 + (index % 3) * 270, 378 + Math.floor(index / 3) * 22];
      return [
        `<line x1="${x}" y1="${y - 4}" x2="${x + 28}" y2="${y - 4}" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash}"/>`,
        `<text x="${x + 36}" y="${y}" fill="#222">${label}</text>`,
      ];
    }),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

function drawPanel({ title, prefix, sizes }: Panel, left: number, { shifts, rows }: KindResult): string[] {
  const [first = 1, last = 1] = [sizes[0], sizes.at(-1)];
  const x = (size: number) => left + 15 + ((panelWidth - 30) * Math.log(size / first)) / Math.log(last / first);
  const y = (delay: number) => bottom - ((bottom - top) * Math.log10(delay / 10)) / 4;
  const found = (row: Row | undefined, size: number) => row?.delays[shifts.indexOf(`${prefix}${size}`)] ?? null;
  return [
    ...decades.flatMap((events) => [
      `<line x1="${left}" y1="${y(events)}" x2="${left + panelWidth}" y2="${y(events)}" stroke="#ddd"/>`,
      `<text x="${left - 6}" y="${y(events) + 4}" text-anchor="end" fill="#555">${events.toLocaleString("en-US")}</text>`,
    ]),
    ...sizes.map(
      (size) =>
        `<text x="${round(x(size))}" y="${bottom + 18}" text-anchor="middle" fill="#555">${prefix === "sd ×" ? "×" : ""}${size}</text>`,
    ),
    `<text x="${left}" y="${top - 8}" fill="#222">${title}</text>`,
    ...curves.map(({ rule, chosen, colour, dash }) => {
      const row = rows.find((one) => one.rule === rule && one.chosen.startsWith(chosen));
      const points = sizes.flatMap((size) => {
        const delay = found(row, size);
        return delay === null ? [] : [`${round(x(size))},${round(y(delay))}`];
      });
      return `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash}" stroke-linejoin="round"/>`;
    }),
  ];
}

const round = (value: number): number => Math.round(10 * value) / 10;
