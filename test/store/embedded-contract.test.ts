/** The contract of the store on the embedded engine. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before } from "node:test";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { laneContract } from "./lane-contract.ts";

let folder: string;
let store: Store;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-contract-"));
  store = await openStore({ embedded: folder });
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

laneContract("embedded", () => store);
