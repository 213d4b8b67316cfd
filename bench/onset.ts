/** `npm run bench:onset`: how often the interval that the page tier gives for a change's onset holds it. Seeded: the same command gives the same table. */
import { scenes } from "./detectors/scenes.ts";
import { onsetCoverage } from "./onset/coverage.ts";

const SEED = 20_260_302;
const STREAMS = 200;
const SETTINGS = [
  { paneEvents: 100, before: 200, after: 800 },
  { paneEvents: 1000, before: 200, after: 200 },
] as const;

const title = [
  "shift",
  "events a pane",
  "found",
  "delay",
  "coverage",
  "width",
  "onset off by",
  "evidence rises off by",
];
process.stdout.write(`| ${title.join(" | ")} |\n|${title.map(() => "---|").join("")}\n`);
for (const { kind, shifts } of Object.values(scenes)) {
  for (const shift of shifts) {
    for (const setting of SETTINGS) {
      const found = onsetCoverage(kind, shift, { seed: SEED, streams: STREAMS, ...setting });
      if (found.found < STREAMS / 4) continue;
      const cells = [
        shift.name,
        setting.paneEvents,
        found.found,
        found.delay,
        `${(100 * found.coverage).toFixed(1)} %`,
        found.width,
        found.error.join(" to "),
        found.riseError.join(" to "),
      ];
      process.stdout.write(`| ${cells.join(" | ")} |\n`);
    }
  }
}
