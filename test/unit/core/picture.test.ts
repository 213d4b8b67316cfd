/** Pictures of messages: valid XML whatever the names are, the same for the same numbers, and PNGs where they can be drawn. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { palettes } from "../../../src/core/picture/palette.ts";
import { figure, type Picture, pictureWords, share } from "../../../src/core/picture/picture.ts";
import { createDrawPng } from "../../../src/core/picture/png.ts";
import { pictureSvg } from "../../../src/core/picture/svg.ts";
import { examplePictures } from "../../support/notification.ts";
import { projectFile } from "../../support/project-file.ts";

const part = fc.double({ min: 0, max: 1, noNaN: true });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const name = fc.string({ unit: "binary", maxLength: 60 });
const pictures: fc.Arbitrary<Picture> = fc.oneof(
  fc.record({
    kind: fc.constant("categories" as const),
    title: name,
    rows: fc.array(fc.record({ label: name, reference: part, window: part }), { minLength: 1, maxLength: 12 }),
  }),
  fc.record({
    kind: fc.constant("series" as const),
    title: name,
    points: fc.array(fc.record({ at: fc.integer({ min: 0, max: 4e12 }), value: fc.option(finite) }), {
      minLength: 1,
      maxLength: 30,
    }),
    limit: fc.option(finite),
    reference: fc.option(finite),
    estimated: fc.boolean(),
    onset: fc.option(fc.integer({ min: 0, max: 4e12 })),
  }),
  fc
    .record({
      title: name,
      columns: fc.array(fc.tuple(part, part), { minLength: 1, maxLength: 48 }),
      from: fc.integer(),
      span: fc.integer({ min: 1 }),
    })
    .map(({ title, columns, from, span }) => ({
      kind: "histogram" as const,
      title,
      from,
      to: from + span,
      reference: columns.map(([reference]) => reference),
      window: columns.map(([, window]) => window),
    })),
);

test("whatever the names and numbers are, the SVG has no NaN, nothing that XML forbids, and text only as text", () => {
  fc.assert(
    fc.property(pictures, (picture) => {
      const svg = pictureSvg(picture, "light");
      assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
      assert.doesNotMatch(svg, /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u);
      assert.doesNotMatch(svg, /&(?!(?:amp|lt|gt|quot);)/);
      // Every tag is one of ours.
      assert.doesNotMatch(svg.replace(/<\/?(?:svg|rect|path|text|circle)\b[^<>]*>/g, ""), /[<>]/);
      assert.doesNotThrow(() => pictureWords(picture));
    }),
    { numRuns: 300 },
  );
});

test("resvg draws them, the same bytes for the same numbers, others in the dark and at another scale", async () => {
  const problems: string[] = [];
  const draw = createDrawPng((problem) => problems.push(problem));
  for (const picture of examplePictures()) {
    const [once, twice, dark, small] = await Promise.all([
      draw(picture, "light"),
      draw(picture, "light"),
      draw(picture, "dark"),
      draw(picture, "light", { scale: 1 }),
    ]);
    assert.ok(once !== null && twice !== null && dark !== null && small !== null, problems.join());
    assert.equal(once.subarray(1, 4).toString("latin1"), "PNG");
    assert.ok(once.equals(twice) && !once.equals(dark));
    assert.equal(once.readUInt32BE(16), 2 * small.readUInt32BE(16));
    assert.ok(once.length < 60_000 && small.length < 18_000, `${once.length} and ${small.length} bytes`);
  }
  assert.deepEqual(problems, []);
});

test("a picture that can't be drawn is null, and that is said once", async () => {
  const problems: string[] = [];
  const draw = createDrawPng(
    (problem) => problems.push(problem),
    () => Promise.reject(new Error("no build for this machine")),
  );
  const [picture] = examplePictures();
  assert.ok(picture !== undefined);
  assert.deepEqual([await draw(picture, "light"), await draw(picture, "dark")], [null, null]);
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /^pictures can't be drawn on this machine, messages go without them/);
});

test("gaps stay gaps, and the limit, what the reference showed and the last value are written", () => {
  const [series] = examplePictures();
  assert.ok(series?.kind === "series");
  const points = series.points.map((point, index) => (index === 10 ? { ...point, value: null } : point));
  const svg = pictureSvg({ ...series, points }, "light");
  const lines = [...svg.matchAll(/d="(M[^"]*L[^"]*)"/g)].map(([, path = ""]) => path.match(/M/g)?.length);
  assert.deepEqual(lines, [2]);
  for (const words of ["limit 0.8", "reference 0.833", "0.7662", "2017-11-08", "2017-12-07", "began"])
    assert.ok(svg.includes(words), words);
});

test("the colours are the page's", () => {
  const css = readFileSync(projectFile("src/serve/assets/style.css"), "utf8");
  const names = {
    paper: "paper",
    ink: "ink",
    quiet: "ink-3",
    line: "line-2",
    reference: "reference",
    current: "current",
    estimate: "estimate",
    limit: "limit",
  };
  for (const [key, variable] of Object.entries(names)) {
    const [light, dark] = new RegExp(`--${variable}: light-dark\\((#\\w+), (#\\w+)\\)`).exec(css)?.slice(1) ?? [];
    assert.deepEqual(
      [palettes.light, palettes.dark].map((palette) => Object.entries(palette).find(([own]) => own === key)?.[1]),
      [light, dark],
      key,
    );
  }
});

test("what is not zero never reads 0 %, and figures have four digits", () => {
  assert.deepEqual([0, 0.0001, 0.0312, 0.0995, 0.5, 1].map(share), [
    "0 %",
    "< 0.1 %",
    "3.1 %",
    "10 %",
    "50 %",
    "100 %",
  ]);
  assert.deepEqual([0.766, 1234.56, 1e-9].map(figure), ["0.766", "1235", "1e-9"]);
});
