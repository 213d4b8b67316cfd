import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeByTime } from "../../../src/ingest/merge-by-time.ts";

type Item = readonly [stream: string, time: number];

async function* chunks(name: string, ...parts: number[][]): AsyncGenerator<readonly Item[]> {
  for (const part of parts) yield part.map((time) => [name, time] as const);
}

async function merged(streams: AsyncIterable<readonly Item[]>[], longestRun?: number): Promise<string[]> {
  const runs: string[] = [];
  const timed = streams.map((stream) => ({ chunks: stream, timeOf: ([, time]: Item) => time }));
  for await (const run of mergeByTime(timed, longestRun))
    runs.push(`${run[0]?.[0]}${run.map(([, time]) => time).join(",")}`);
  return runs;
}

test("streams are merged by time, and of equal times the earlier stream goes first", async () => {
  assert.deepEqual(await merged([chunks("a", [1, 3], [5, 9]), chunks("b", [3, 4, 5], [6])]), [
    "a1,3",
    "b3,4",
    "a5",
    "b5",
    "b6",
    "a9",
  ]);
});

test("a stream that goes back in time keeps its own order, and no run is longer than asked for", async () => {
  assert.deepEqual(await merged([chunks("a", [5, 1, 2, 8]), chunks("b", [4, 6])], 2), ["b4", "a5,1", "a2", "b6", "a8"]);
});

test("empty streams and empty chunks are passed over", async () => {
  assert.deepEqual(await merged([chunks("a"), chunks("b", [], [7], [])]), ["b7"]);
  assert.deepEqual(await merged([]), []);
});
