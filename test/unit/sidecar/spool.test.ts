import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { openSpool } from "../../../src/sidecar/spool.ts";

const ALL = { messages: 1_000, bytes: 1024 * 1024 };

describe("A spool", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "driftline-spool-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (limitBytes = 10 * 1024 * 1024) =>
    openSpool({
      folder,
      limitBytes,
      failed: (thrown) => {
        throw thrown;
      },
    });
  const texts = (messages: readonly Buffer[]) => messages.map(String);
  const segments = () =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".spool"))
      .sort();

  it("goes on after a restart where it was, in order, over many segments", async () => {
    const first = open(1024 * 1024);
    const messages = Array.from({ length: 300 }, (_, index) => `${index} ${"x".repeat(1_000)}`);
    for (const message of messages) assert.equal(first.push([Buffer.from(message)]), null);
    assert.ok(segments().length > 2);
    assert.deepEqual(texts(await first.peek({ messages: 7, bytes: 1e6 })), messages.slice(0, 7));
    await first.remove(5);
    await first.close();

    const second = open();
    assert.equal(second.recovered, 295);
    second.push([Buffer.from("new")]);
    const read: string[] = [];
    for (let batch = await second.peek(ALL); batch.length > 0; batch = await second.peek(ALL)) {
      read.push(...texts(batch));
      await second.remove(batch.length);
    }
    assert.deepEqual(read, [...messages.slice(5), "new"]);
    assert.equal(second.messages, 0);
    await second.close();
    assert.equal(segments().length, 1);
  });

  it("tells a torn last record, once, and keeps those before it", async () => {
    const first = open();
    for (const message of ["one", "two", "three"]) first.push([Buffer.from(message)]);
    await first.close();
    const file = path.join(folder, segments()[0] ?? "");
    writeFileSync(file, readFileSync(file).subarray(0, -2));
    const second = open();
    assert.deepEqual([second.recovered, second.torn], [2, 1]);
    second.push([Buffer.from("four")]);
    await second.close();
    const third = open();
    assert.deepEqual([third.recovered, third.torn], [3, 0]);
    const before = texts(await third.peek(ALL));
    await third.remove(before.length);
    assert.deepEqual([...before, ...texts(await third.peek(ALL))], ["one", "two", "four"]);
    await third.close();
  });

  it("counts what a changed byte in the middle hides", async () => {
    const first = open();
    for (let index = 0; index < 10; index++) first.push([Buffer.from(`message ${index}`)]);
    await first.close();
    const file = path.join(folder, segments()[0] ?? "");
    const bytes = readFileSync(file);
    bytes[3 * 25 + 20] = (bytes[3 * 25 + 20] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const second = open();
    assert.equal(second.recovered, 3);
    assert.ok(second.torn >= 1);
    await second.close();
  });

  it("takes all of a push or none, and says why", async () => {
    const spool = open(1_000);
    assert.equal(spool.push([Buffer.alloc(400), Buffer.alloc(400)]), null);
    assert.equal(spool.push([Buffer.alloc(100), Buffer.alloc(100)]), "spool_full");
    assert.equal(spool.messages, 2);
    await spool.close();
  });

  it("is one process's, and a dead one's is taken over", async () => {
    const spool = open();
    // Process 1 lives.
    writeFileSync(path.join(folder, "lock"), "1");
    assert.throws(open, /process 1 uses it/);
    writeFileSync(path.join(folder, "lock"), "999999999");
    await open().close();
    await spool.close();
  });
});
