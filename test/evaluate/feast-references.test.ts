/**
 * References that FEAST has written are those of the same rows in plain Parquet: of a saved dataset that is kept here, and of a repository made
 * anew where DRIFTLINE_TEST_FEAST names a Python with feast (test/fixtures/feast/make.py says how to get one).
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import path from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { featureNames } from "../../src/evaluate/references/feast-table.ts";
import { loadReference } from "../../src/evaluate/references/load-reference.ts";
import { openStage } from "../support/evaluation-stage.ts";
import { modelConfig } from "../support/event-writer.ts";
import { projectFile } from "../support/project-file.ts";

const { lane, folder, close } = await openStage({ now: () => 0, sleep: () => Promise.resolve() });
after(close);

const load = (reference: unknown) => loadReference(lane, modelConfig({ name: "drivers", task: "binary", reference }));
const python = process.env["DRIFTLINE_TEST_FEAST"];

async function assertSame(place: string): Promise<void> {
  const plain = await load({ file: path.join(place, "plain.parquet") });
  const feast = await load({ feast: { path: path.join(place, "training.parquet"), entities: ["driver_id"] } });
  assert.deepEqual(feast.subjects.map(({ subject, kind }) => `${subject} ${kind}`).toSorted(), [
    "city categorical",
    "conv_rate numeric",
    "trips numeric",
  ]);
  const bySubject = (reference: typeof feast) => new Map(reference.subjects.map((one) => [one.subject, one]));
  assert.deepEqual(bySubject(feast), bySubject(plain));
  assert.equal(feast.rows, 400);
  assert.equal(feast.referenceId, plain.referenceId);
}

test("a saved dataset of FEAST is the reference of the same rows in plain Parquet", async () => {
  await assertSame(projectFile("test/fixtures/feast"));
});

test("a folder of an offline store's parts is one reference, under full names where events have them", async () => {
  const parts = path.join(folder, "parts", "day=1");
  await mkdir(parts, { recursive: true });
  await copyFile(projectFile("test/fixtures/feast/training.parquet"), path.join(parts, "part-0.parquet"));
  await copyFile(projectFile("test/fixtures/feast/training.parquet"), path.join(folder, "parts", "part-1.parquet"));
  const feast = { path: path.join(folder, "parts"), entities: ["driver_id"], full_feature_names: true };
  const { rows, subjects } = await load({ feast });
  assert.equal(rows, 800);
  assert.deepEqual(subjects.map(({ subject }) => subject).sort(), [
    "driver_city__city",
    "driver_stats__conv_rate",
    "driver_stats__trips",
  ]);
});

test("two views with a feature of one name keep their views' names", () => {
  const names = featureNames(["a__rate", "b__rate", "a__trips", "city", "c__city", "__x", "y__"]);
  assert.deepEqual([...names.values()], ["a__rate", "b__rate", "trips", "city", "c__city", "__x", "y__"]);
});

test("a repository made by the real feast package", {
  skip: python === undefined ? "DRIFTLINE_TEST_FEAST names no Python with feast" : false,
}, async () => {
  const made = path.join(folder, "repository");
  await promisify(execFile)(python ?? "", [projectFile("test/fixtures/feast/make.py"), made]);
  await assertSame(made);
});
