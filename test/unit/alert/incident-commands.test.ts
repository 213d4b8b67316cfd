/**
 * The incident machine against a model of it, by commands in any order under a virtual clock: windows, late data, silences, acknowledgements,
 * restarts, a second evaluator by mistake. People are told of each state once, and of none too few.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { foldEpisodes } from "../../../src/alert/episode.ts";
import type { RecordedChange } from "../../../src/alert/incident-changes.ts";
import type { IncidentRecord } from "../../../src/alert/incident-record.ts";
import type { EffectiveRule, JudgedRow } from "../../../src/alert/rules.ts";
import type { Silence } from "../../../src/alert/telling.ts";
import { globMatches } from "../../../src/core/glob.ts";
import { createGroup, row, rule, START, WINDOW_MS } from "./series.ts";

const subjects = ["a", "b", "c"] as const;
type Values = readonly (number | null)[];
const HOUR = 3_600_000;
const REMIND = 4 * HOUR;

/** What a simple mind knows: the newest value of each window, who is silenced, who has been told what. */
class World {
  readonly rules: readonly EffectiveRule[];
  readonly values: Values[] = [];
  readonly silences: Silence[] = [];
  readonly acknowledged = new Map<string, string>();
  readonly told: RecordedChange[] = [];
  now = START;
  #group: ReturnType<typeof createGroup>;
  readonly #settings;

  constructor(rules: readonly EffectiveRule[]) {
    this.rules = rules;
    this.#settings = { renotifyEveryMs: REMIND, silences: this.silences, acknowledged: this.acknowledged };
    this.#group = createGroup(rules, this.#settings);
  }

  get records(): readonly IncidentRecord[] {
    return [...this.#group.records.values()];
  }

  get open(): IncidentRecord | undefined {
    return this.records.find(({ incident }) => incident.state !== "resolved" && incident.state !== "pending");
  }

  rowsOf(index: number): JudgedRow[] {
    return subjects.map((subject, place) => this.rowOf(index, subject, this.values[index]?.[place] ?? null));
  }

  rowOf(index: number, subject: string, value: number | null): JudgedRow {
    return row(index + 1, value, { metric: "mean_x", subject_kind: "feature", subject });
  }

  judge(rows: readonly JudgedRow[]): void {
    const before = this.records;
    const changes = this.#group.judge(rows, this.now);
    this.told.push(...changes.filter((change) => change.told !== null));
    this.#secondEvaluator(before, rows, changes);
    this.check();
  }

  /** All that a new process has is the store. */
  restart(): void {
    const records = this.records.map((record) => JSON.parse(JSON.stringify(record)));
    this.#group = createGroup(this.rules, this.#settings);
    for (const record of records) this.#group.records.set(record.incident.incident_id, record);
    this.#group.know(this.values.flatMap((_, index) => this.rowsOf(index)));
  }

  /** From the same store and rows it tells the same under the same keys. */
  #secondEvaluator(
    before: readonly IncidentRecord[],
    rows: readonly JudgedRow[],
    first: readonly RecordedChange[],
  ): void {
    const other = createGroup(this.rules, this.#settings);
    for (const record of before) other.records.set(record.incident.incident_id, record);
    other.know(this.values.flatMap((_, index) => this.rowsOf(index)));
    const second = other.judge(rows, this.now);
    assert.deepEqual(second.map(keyOf), first.map(keyOf));
  }

  /** Whether any series fires, found by one look at all of its windows. */
  fires(): boolean {
    return this.rules.some((one) =>
      subjects.some((subject) => {
        const fold = foldEpisodes(one, { model: "m", window: "5m" }, null, 0);
        for (const index of this.values.keys())
          for (const each of this.rowsOf(index)) if (each.subject === subject) fold.push(each);
        return fold.episodes().some((episode) => episode.cleared === null);
      }),
    );
  }

  isSilenced({ incident }: IncidentRecord): boolean {
    const active = this.silences.filter(({ from, until }) => from <= this.now && this.now < until);
    return incident.members
      .filter(({ firing }) => firing)
      .every(({ subject }) => active.some(({ matchers }) => globMatches(matchers.subject ?? "*", subject)));
  }

  check(): void {
    const { open } = this;
    // No transition is lost: what fires is open, and what is open is told unless it is silenced.
    assert.equal(open !== undefined, this.fires(), "open where something fires, and only there");
    assert.ok(this.records.filter(({ incident }) => incident.state !== "resolved").length <= 1);
    if (open !== undefined && !this.isSilenced(open)) assert.equal(open.told, open.incident.severity);
    // No state is told twice, and each incident is told in the one order that makes sense.
    const keys = this.told.map((change) => `${change.incident.incident_id} ${change.told} ${change.occurrence}`);
    assert.equal(new Set(keys).size, keys.length, `told twice: ${keys.join(", ")}`);
    for (const { incident, told } of this.records) {
      const kinds = this.told
        .filter((change) => change.incident.incident_id === incident.incident_id)
        .map((change) => change.told);
      if (told === null) {
        assert.deepEqual(kinds, []);
        continue;
      }
      assert.equal(kinds[0], "opened");
      const ends = kinds.filter((kind) => kind === "resolved" || kind === "withdrawn");
      assert.equal(ends.length, incident.state === "resolved" ? 1 : 0, kinds.join(" "));
      const after = ends[0] === undefined ? [] : kinds.slice(kinds.indexOf(ends[0]) + 1);
      assert.ok(
        after.every((kind) => kind === "revised"),
        kinds.join(" "),
      );
      assert.ok(incident.reason !== undefined && incident.reason !== "", "every change has its reason");
    }
  }
}

const keyOf = ({ incident, kind, told, occurrence, sequence }: RecordedChange) =>
  [incident.incident_id, kind, told, occurrence, sequence].join(" ");

type Act = (world: World) => void;
/** fast-check shrinks to the commands that matter, and prints them. */
const commandOf = (name: string, act: Act): fc.Command<object, World> => ({
  check: () => true,
  run: (_, world) => act(world),
  toString: () => name,
});
const value = fc.constantFrom(50, 75, 90, null);

/** Nothing that would disturb is told during a silence, and no reminder after an acknowledgement. */
function during(world: World, act: () => void): void {
  const count = world.told.length;
  act();
  for (const { told, record, incident } of world.told.slice(count)) {
    const ends = told === "resolved" || told === "withdrawn" || told === "revised";
    const silenced = world.silences.some(
      ({ matchers, from, until }) => matchers.subject === undefined && from <= world.now && world.now < until,
    );
    assert.ok(ends || !silenced, `${told} during a silence of everything`);
    if (world.acknowledged.has(incident.incident_id)) assert.notEqual(told, "reminder");
    assert.ok(record.told !== null);
  }
}

const windowCommand = fc.tuple(value, value, value).map((values) =>
  commandOf(`window(${values.join(" ")})`, (world) => {
    world.values.push(values);
    world.now = Math.max(world.now, START + world.values.length * WINDOW_MS);
    const before = world.open;
    const count = world.told.length;
    during(world, () => world.judge(world.rowsOf(world.values.length - 1)));
    const told = world.told.slice(count).map((change) => change.told);
    // A window that comes in time ends what was open, and nothing else ends it.
    assert.ok(!told.includes("withdrawn") && !told.includes("revised"), told.join(" "));
    if (before !== undefined) assert.ok(!told.includes("opened") || before.told === null, "one at a time");
    const isOver = before !== undefined && world.open === undefined;
    assert.equal(told.includes("resolved"), isOver && before.told !== null, told.join(" "));
  }),
);
const lateCommand = fc.tuple(fc.nat(), fc.nat(2), value).map(([at, subject, late]) =>
  commandOf(`late(${at} ${subject} ${late})`, (world) => {
    if (world.values.length === 0) return;
    const index = at % world.values.length;
    world.values[index] = (world.values[index] ?? []).map((known, place) => (place === subject ? late : known));
    world.now += 1_000;
    during(world, () => world.judge([world.rowOf(index, subjects[subject] ?? "a", late)]));
  }),
);
const waitCommand = fc.integer({ min: 1, max: 10 }).map((hours) =>
  commandOf(`wait(${hours}h)`, (world) => {
    world.now += hours * HOUR;
    during(world, () => world.judge([]));
  }),
);
const silenceCommand = fc
  .tuple(fc.constantFrom(undefined, "a", "b", "*"), fc.integer({ min: 1, max: 6 }))
  .map(([subject, hours]) =>
    commandOf(`silence(${subject} ${hours}h)`, (world) => {
      world.silences.push({
        id: String(world.silences.length),
        matchers: subject === undefined ? {} : { subject },
        owner: "ana",
        reason: "known",
        from: world.now,
        until: world.now + hours * HOUR,
      });
      during(world, () => world.judge([]));
    }),
  );
const endCommand = fc.constant(
  commandOf("end silences", (world) => {
    world.silences.splice(0);
    during(world, () => world.judge([]));
  }),
);
const acknowledgeCommand = fc.constant(
  commandOf("acknowledge", (world) => {
    const { open } = world;
    if (open !== undefined) world.acknowledged.set(open.incident.incident_id, "ana");
    during(world, () => world.judge([]));
  }),
);
const restartCommand = fc.constant(
  commandOf("restart", (world) => {
    world.restart();
    const count = world.told.length;
    world.judge(world.values.flatMap((_, index) => world.rowsOf(index)));
    // All of it again is news to nobody.
    assert.deepEqual(
      world.told.slice(count).filter(({ told }) => told !== "revised"),
      [],
    );
  }),
);

/** Windows and late data come more often than the rest. */
const commands = fc.commands(
  [
    windowCommand,
    windowCommand,
    windowCommand,
    windowCommand,
    lateCommand,
    lateCommand,
    waitCommand,
    silenceCommand,
    endCommand,
    acknowledgeCommand,
    restartCommand,
  ],
  { maxCommands: 25, size: "max" },
);

const someRules = fc
  .record({
    needed: fc.integer({ min: 1, max: 2 }),
    clearAfter: fc.integer({ min: 1, max: 2 }),
    dampens: fc.boolean(),
    keepFiringMs: fc.constantFrom(0, 3 * WINDOW_MS),
    withPage: fc.boolean(),
  })
  .map(({ withPage, needed, ...rest }) => [
    rule({ needed, of: needed + 1, ...rest }),
    ...(withPage ? [rule({ name: "far too high", above: 85, severity: "page", clearAfter: 1 })] : []),
  ]);

test("whatever happens in whatever order, each state is told once and none is lost", () => {
  fc.assert(
    fc.property(someRules, commands, (rules, list) => {
      fc.modelRun(() => ({ model: {}, real: new World(rules) }), list);
    }),
    { numRuns: 150, seed: 20_260_302 },
  );
});
