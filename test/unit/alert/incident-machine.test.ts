import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { JudgedRow } from "../../../src/alert/rules.ts";
import { createGroup, row, rule, START, WINDOW_MS } from "./series.ts";

const end = (index: number) => START + index * WINDOW_MS;

describe("traffic-stops-while-an-incident-fires", () => {
  const settings = { renotifyEveryMs: 4 * 3_600_000, dataMissingAfterMs: WINDOW_MS };
  const rules = [rule({ clear: 80, clearAfter: 2 })];
  const before = [
    row(1, 49.5),
    row(2, 49.5),
    row(3, 109.5),
    row(4, 109.5),
    ...[5, 6, 7, 8, 9, 10].map((index) => row(index, null)),
  ];
  const play = (rows: readonly JudgedRow[], restartAt?: number) => {
    let group = createGroup(rules, settings);
    for (const [index, one] of rows.entries()) {
      group.judge([one], end(index + 1));
      if (index + 1 === restartAt) {
        // All that a new process has is the store.
        const stored = [...group.records];
        const told = [...group.changes];
        group = createGroup(rules, settings);
        group.changes.push(...told);
        for (const [id, record] of stored) group.records.set(id, record);
        group.judge(rows.slice(0, index + 1), end(index + 1));
      }
    }
    return group;
  };

  for (const restartAt of [undefined, 7]) {
    const during = restartAt === undefined ? "" : ", with a restart during w7";

    test(`variant G: fires once, says once that data are missing, resolves after w12 with the value that cleared it${during}`, () => {
      const group = play([...before, row(11, 49.5), row(12, 49.5), row(13, 49.5)], restartAt);
      assert.deepEqual(group.told(), ["opened", "data_missing", "resolved"]);
      const [opened, , resolved] = group.changes.filter((change) => change.kind !== "amended");
      assert.equal(opened?.incident.members[0]?.value, 109.5);
      assert.equal(opened?.incident.opened_at, end(3));
      assert.equal(opened?.incident.onset, end(2));
      assert.equal(resolved?.incident.resolved_at, end(12));
      assert.equal(resolved?.incident.members[0]?.value, 49.5);
      assert.match(resolved?.incident.title ?? "", /back at 49\.5/);
    });

    test(`variant H: a breach after the gap is the same incident, and it resolves after w13${during}`, () => {
      const group = play([...before, row(11, 109.5), row(12, 49.5), row(13, 49.5), row(14, 49.5)], restartAt);
      assert.deepEqual(group.told(), ["opened", "data_missing", "resolved"]);
      assert.equal(group.changes.at(-1)?.incident.resolved_at, end(13));
    });
  }

  test("the incident stays open and shows that data are missing while there are none", () => {
    const group = play(before);
    const [record] = [...group.records.values()];
    assert.equal(record?.incident.state, "insufficient_data");
    assert.equal(record?.incident.members[0]?.data_missing, true);
    assert.equal(record?.incident.resolved_at, null);
  });
});

test("one-device-with-a-fast-clock: windows that were closed early and computed again bring no word of missing data", () => {
  const group = createGroup([rule({ clearAfter: 2 })]);
  group.judge([row(1, 109.5)], end(1));
  group.judge(
    [2, 3, 4, 5].map((index) => row(index, null)),
    end(1) + 1_000,
  );
  group.judge(
    [2, 3, 4, 5].map((index) => row(index, 100)),
    end(1) + 2_000,
  );
  group.judge([], end(8));
  assert.deepEqual(group.told(), ["opened"]);
});

test("single-class-window: a KPI that is not defined fires no limit", () => {
  const group = createGroup([rule({ metric: "roc_auc", above: null, below: 0.8 })]);
  group.judge([row(1, null, { metric: "roc_auc", n: 8 }), row(2, 0.90625, { metric: "roc_auc", n: 8 })]);
  assert.deepEqual(group.changes, []);
});

describe("N of M", () => {
  test("fires when N of the last M windows have breached, with the first of them as onset", () => {
    const group = createGroup([rule({ needed: 2, of: 3 })]);
    group.judge([row(1, 90), row(2, 50), row(3, 50), row(4, 90), row(5, 50), row(6, 90)]);
    assert.deepEqual(group.told(), ["opened"]);
    assert.equal(group.changes[0]?.incident.opened_at, end(6));
    assert.equal(group.changes[0]?.incident.onset, end(3));
  });

  test("counts windows without data among the M, as not breached", () => {
    const group = createGroup([rule({ needed: 2, of: 2 })]);
    group.judge([row(1, 90), row(2, null), row(3, 90)]);
    assert.deepEqual(group.told(), []);
    group.judge([row(4, 90)]);
    assert.deepEqual(group.told(), ["opened"]);
  });

  test("a value between the limit and the clear threshold neither fires nor clears", () => {
    const group = createGroup([rule({ clear: 70, clearAfter: 2 })]);
    group.judge([row(1, 75), row(2, 90), row(3, 60), row(4, 75), row(5, 60)]);
    assert.deepEqual(group.told(), ["opened"]);
    group.judge([row(6, 70)]);
    assert.deepEqual(group.told(), ["opened", "resolved"]);
  });
});

describe("grouping", () => {
  const drift = rule({ name: "drift", metric: "psi", above: null, severity: "page" });
  const moved = (index: number, subject: string, value: number) =>
    row(index, value, { metric: "psi", subject_kind: "feature", subject, threshold: 0.2, breached: value > 0.2 });

  test("what fires while an incident is open joins it without a second message", () => {
    const group = createGroup([drift]);
    group.judge([moved(1, "a", 0.5), moved(1, "b", 0.1)]);
    group.judge([moved(2, "a", 0.5), moved(2, "b", 0.4)]);
    assert.deepEqual(group.told(), ["opened"]);
    const [record] = [...group.records.values()];
    assert.deepEqual(
      record?.incident.members.map((member) => [member.subject, member.firing]),
      [
        ["a", true],
        ["b", true],
      ],
    );
    group.judge([moved(3, "a", 0.1), moved(3, "b", 0.4)]);
    assert.deepEqual(group.told(), ["opened"]);
    group.judge([moved(4, "a", 0.1), moved(4, "b", 0.1)]);
    assert.deepEqual(group.told(), ["opened", "resolved"]);
  });

  test("a member of greater severity escalates once", () => {
    const group = createGroup([rule(), drift]);
    group.judge([row(1, 90)]);
    group.judge([row(2, 90), moved(2, "a", 0.5)]);
    group.judge([row(3, 90), moved(3, "a", 0.1)]);
    group.judge([row(4, 90), moved(4, "a", 0.5)]);
    assert.deepEqual(group.told(), ["opened", "escalated"]);
    assert.equal(group.changes.at(-1)?.incident.severity, "page");
  });

  test("versions have series of their own", () => {
    const group = createGroup([rule()]);
    group.judge([row(1, 90, { version: "7" }), row(1, 50, { version: "8" })]);
    group.judge([row(2, 50, { version: "8" })]);
    assert.deepEqual(group.told(), ["opened"]);
  });
});

describe("late data", () => {
  test("withdraw an incident of which nothing remains, and the next one has another id", () => {
    const group = createGroup([rule()]);
    group.judge([row(1, 50), row(2, 90)]);
    group.judge([row(2, 60)]);
    assert.deepEqual(group.told(), ["opened", "withdrawn"]);
    assert.equal(group.changes.at(-1)?.incident.state, "resolved");
    group.judge([row(2, 90)]);
    assert.deepEqual(group.told(), ["opened", "withdrawn", "opened"]);
    assert.equal(group.records.size, 2);
  });

  test("that leave a later breach keep the incident", () => {
    const group = createGroup([rule()]);
    group.judge([row(1, 50), row(2, 90), row(3, 90)]);
    group.judge([row(2, 60)]);
    assert.deepEqual(group.told(), ["opened"]);
  });

  test("never reopen what people know to be over: what ended too is added to it, what still fires is new", () => {
    const late = rule({ name: "accuracy", metric: "accuracy", above: null, below: 0.8 });
    const group = createGroup([rule(), late]);
    group.judge([row(1, 90), row(2, 90), row(3, 50)]);
    assert.deepEqual(group.told(), ["opened", "resolved"]);
    group.judge([
      row(1, 0.9, { metric: "accuracy" }),
      row(2, 0.7, { metric: "accuracy" }),
      row(3, 0.9, { metric: "accuracy" }),
    ]);
    // With a note, since people know it as over.
    assert.deepEqual(group.told(), ["opened", "resolved", "revised"]);
    assert.match(
      group.changes.at(-1)?.incident.reason ?? "",
      /^late data add to it: accuracy \(version 7\) 0\.7 is below/,
    );
    assert.equal(group.changes.at(-1)?.incident.members.length, 2);
    group.judge([row(3, 0.7, { metric: "accuracy" })]);
    assert.deepEqual(group.told(), ["opened", "resolved", "revised", "opened"]);
  });

  test("a rule that is no longer configured withdraws what it had opened", () => {
    const group = createGroup([rule()]);
    group.judge([row(1, 90)]);
    const other = createGroup([rule({ name: "another" })]);
    for (const [id, record] of group.records) other.records.set(id, record);
    other.judge([]);
    assert.deepEqual(other.told(), ["withdrawn"]);
  });
});

test("reminders count from the opening by the clock, and a missed one is not made up for", () => {
  const group = createGroup([rule()], { renotifyEveryMs: 3_600_000 });
  group.judge([row(1, 90)], START);
  for (const minutes of [30, 59, 61, 90, 300]) group.judge([], START + minutes * 60_000);
  assert.deepEqual(
    group.changes.filter((change) => change.kind === "reminder").map((change) => change.occurrence),
    [1, 5],
  );
});

describe("whatever the windows hold", () => {
  const value = fc.constantFrom(50, 75, 90, null);
  const series = fc.array(fc.tuple(value, value, value), { minLength: 1, maxLength: 30 });
  const settings = fc.record({
    needed: fc.integer({ min: 1, max: 3 }),
    extra: fc.integer({ min: 0, max: 2 }),
    clearAfter: fc.integer({ min: 1, max: 3 }),
    clear: fc.constantFrom(null, 70),
  });
  const rowsOf = (values: readonly (readonly (number | null)[])[]) =>
    values.map((each, index) =>
      each.map((one, subject) => row(index + 1, one, { subject: `s${subject}`, subject_kind: "feature" })),
    );

  test("judging after every window, twice, or only at the end opens and resolves the same incidents", () => {
    fc.assert(
      fc.property(series, settings, fc.nat(), (values, { needed, extra, clearAfter, clear }, seed) => {
        const rules = [rule({ needed, of: needed + extra, clearAfter, clear })];
        const steps = rowsOf(values);
        const atEnd = createGroup(rules);
        atEnd.judge(steps.flat());
        const stepwise = createGroup(rules);
        for (const [index, step] of steps.entries()) {
          stepwise.judge(step);
          if ((seed >> (index % 20)) % 2 === 1) assert.deepEqual(stepwise.judge(steps.slice(0, index + 1).flat()), []);
        }
        const told = (group: typeof atEnd) =>
          group.changes
            .filter((change) => change.kind === "opened" || change.kind === "resolved")
            .map(({ kind, incident }) => [
              kind,
              incident.incident_id,
              incident.onset,
              incident.opened_at,
              incident.resolved_at,
            ]);
        assert.deepEqual(told(stepwise), told(atEnd));
      }),
      { numRuns: 150 },
    );
  });

  test("an incident opens once, resolves at most once and after that, and never at a window without data", () => {
    fc.assert(
      fc.property(series, settings, (values, { needed, extra, clearAfter, clear }) => {
        const group = createGroup([rule({ needed, of: needed + extra, clearAfter, clear })]);
        for (const step of rowsOf(values)) {
          const changes = group.judge(step);
          if (step.every((one) => one.value === null))
            assert.ok(changes.every((change) => change.kind === "amended" || change.kind === "data_missing"));
        }
        for (const id of group.records.keys()) {
          const kinds = group.changes
            .filter((change) => change.incident.incident_id === id && change.kind !== "amended")
            .map((change) => change.kind);
          // Pending, and then it did not breach often enough: nobody is told.
          if (group.records.get(id)?.pending_key !== "") {
            assert.deepEqual(kinds, []);
            continue;
          }
          assert.equal(kinds[0], "opened");
          assert.equal(kinds.filter((kind) => kind === "opened").length, 1);
          assert.ok(kinds.indexOf("resolved") === -1 || kinds.indexOf("resolved") === kinds.length - 1);
        }
        assert.ok([...group.records.values()].filter((record) => record.incident.state !== "resolved").length <= 1);
      }),
      { numRuns: 150 },
    );
  });

  test("revisions of any window leave at most one open incident, and the same revision again tells nobody anything", () => {
    fc.assert(
      fc.property(series, fc.array(fc.tuple(fc.nat(), fc.nat(2), value), { maxLength: 20 }), (values, revisions) => {
        const group = createGroup([rule({ clearAfter: 2 })]);
        for (const step of rowsOf(values)) group.judge(step);
        for (const [at, subject, one] of revisions) {
          const revised = [row((at % values.length) + 1, one, { subject: `s${subject}`, subject_kind: "feature" })];
          group.judge(revised);
          // What ended may be added to an incident that is over on the second look, silently; then all is settled.
          assert.ok(
            group
              .judge(revised)
              .every(
                ({ kind, incident }) => (kind === "amended" || kind === "revised") && incident.state === "resolved",
              ),
          );
          assert.deepEqual(group.judge(revised), []);
          assert.ok([...group.records.values()].filter((record) => record.incident.state !== "resolved").length <= 1);
        }
      }),
      { numRuns: 150 },
    );
  });
});
