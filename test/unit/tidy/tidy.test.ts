/** The rules of the house that no linter knows, each shown to fire on a planted offence. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { wrongImports } from "./import-directions.ts";

const root = findRoot(import.meta.dirname);
const sources = ["src", "detectors"].flatMap(filesBelow).filter((file) => /\.tsx?$/.test(file));
const LONGEST_FILE = 400;

function findRoot(start: string): string {
  let folder = start;
  while (!existsSync(path.join(folder, "package-lock.json"))) folder = path.dirname(folder);
  return folder;
}

function filesBelow(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => path.join(folder, file))
    .filter((file) => statSync(path.join(root, file)).isFile());
}

const read = (file: string) => readFileSync(path.join(root, file), "utf8");

test("imports go one way: stations meet in the store and in app.ts alone", () => {
  assert.deepEqual(
    sources.flatMap((file) => wrongImports(file, read(file))),
    [],
  );
});

test("a planted import against the direction is noticed", () => {
  assert.equal(wrongImports("detectors/psi.ts", 'import { x } from "../src/store/store.ts";').length, 1);
  assert.equal(wrongImports("src/ingest/batch.ts", 'import { x } from "../evaluate/panes.ts";').length, 1);
  assert.equal(wrongImports("src/evaluate/panes.ts", 'import { x } from "../store/store.ts";').length, 0);
});

test(`no source file is longer than ${LONGEST_FILE} lines`, () => {
  assert.deepEqual(
    sources.filter((file) => read(file).split("\n").length > LONGEST_FILE),
    [],
  );
});

test("every source file opens with what it is and why it exists", () => {
  const bare = sources.filter((file) => !/^(?:#!.*\n)?(?:\/\*\*|\/\/)/.test(read(file)) && !file.endsWith("index.ts"));
  assert.deepEqual(bare, []);
});

test("links in the documents lead somewhere", () => {
  const documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...filesBelow("docs")].filter(
    (file) => file.endsWith(".md") && existsSync(path.join(root, file)),
  );
  const dead = documents.flatMap((document) =>
    [...read(document).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
      .map((match) => path.join(path.dirname(document), match[1] ?? ""))
      .filter((target) => !existsSync(path.join(root, target)))
      .map((target) => `${document} -> ${target}`),
  );
  assert.deepEqual(dead, []);
});

test("no package folder, file or comment is left unfinished", () => {
  const marks = /\b(?:TODO|FIXME|XXX)\b/;
  assert.deepEqual(
    sources.filter((file) => marks.test(read(file))),
    [],
  );
});
