/** A digest's local dates under a clock that is set by hand: each once, whatever daylight saving does and whenever the process was down. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type DueDigest, dueDigest, type LastDigest } from "../../../src/digest/due.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const utc = (text: string) => Date.parse(`${text}:00Z`);

interface Wanted {
  readonly at: string;
  readonly timezone: string;
  readonly every?: "day" | "week";
  readonly weekday?: "wednesday";
}

/** Looks at these times, as a process would that remembers the newest digest; what came, and when. */
function sentAt(
  { every = "day", weekday, ...rest }: Wanted,
  looks: Iterable<number>,
  known: number,
): (DueDigest & { readonly sent: number })[] {
  let last: LastDigest = { date: "", dueAt: known };
  const sent: (DueDigest & { readonly sent: number })[] = [];
  for (const now of looks) {
    const due = dueDigest({ every, weekday, ...rest }, last, now);
    if (due === null) continue;
    sent.push({ ...due, sent: now });
    last = due;
  }
  return sent;
}

function* every(stepMs: number, from: number, to: number): Generator<number> {
  for (let now = from; now <= to; now += stepMs) yield now;
}

for (const [zone, times] of [
  // Spring: 02:00 to 03:00 on 29 March is skipped; autumn: 02:00 to 03:00 on 25 October comes twice.
  [
    "Europe/Berlin",
    {
      spring: [utc("2026-03-27T12:00"), utc("2026-03-31T12:00")],
      springSent: ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30", "2026-03-31 00:30"],
      autumn: [utc("2026-10-23T12:00"), utc("2026-10-27T12:00")],
      autumnSent: ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30", "2026-10-27 01:30"],
      dates: [
        ["2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31"],
        ["2026-10-24", "2026-10-25", "2026-10-26", "2026-10-27"],
      ],
    },
  ],
  // Spring: 8 March; autumn: 1 November, where 01:30 comes twice and 02:30 once.
  [
    "America/New_York",
    {
      spring: [utc("2026-03-06T12:00"), utc("2026-03-10T12:00")],
      springSent: ["2026-03-07 07:30", "2026-03-08 07:30", "2026-03-09 06:30", "2026-03-10 06:30"],
      autumn: [utc("2026-10-30T12:00"), utc("2026-11-03T12:00")],
      autumnSent: ["2026-10-31 06:30", "2026-11-01 07:30", "2026-11-02 07:30", "2026-11-03 07:30"],
      dates: [
        ["2026-03-07", "2026-03-08", "2026-03-09", "2026-03-10"],
        ["2026-10-31", "2026-11-01", "2026-11-02", "2026-11-03"],
      ],
    },
  ],
] as const)
  test(`at 02:30 in ${zone}: once a local date over both changes, whatever is skipped or comes twice`, () => {
    for (const [index, [from, to]] of [times.spring, times.autumn].entries()) {
      const sent = sentAt({ at: "02:30", timezone: zone }, every(MINUTE, from, to), from);
      const wanted = [times.springSent, times.autumnSent][index] ?? [];
      assert.deepEqual(
        sent.map((one) => new Date(one.sent).toISOString().slice(0, 16).replace("T", " ")),
        wanted,
      );
      assert.deepEqual(
        sent.map(({ date }) => date),
        times.dates[index],
      );
      // Each begins where the one before ended.
      assert.deepEqual(
        sent.slice(1).map(({ from: begins }) => begins),
        sent.slice(0, -1).map(({ dueAt }) => dueAt),
      );
    }
  });

test("the hour that comes twice in New York is one date, also for a process that is restarted in between", () => {
  const from = utc("2026-10-31T12:00");
  const first = utc("2026-11-01T05:30");
  const looks = [first - 1, first, first, first + 1, first + HOUR, first + HOUR, first + HOUR + 1, first + DAY];
  const sent = sentAt({ at: "01:30", timezone: "America/New_York" }, looks, from);
  assert.deepEqual(
    sent.map(({ date, sent: when }) => [date, when]),
    [["2026-11-01", first]],
  );
});

test("a process that was down sends one on its return, for the newest date, over all the time since the last", () => {
  const known = utc("2026-03-02T09:00");
  const looks = [utc("2026-03-03T08:00"), utc("2026-03-06T11:20"), utc("2026-03-06T11:21"), utc("2026-03-07T08:00")];
  const sent = sentAt({ at: "08:00", timezone: "UTC" }, looks, known);
  assert.deepEqual(
    sent.map(({ date, from, dueAt, sent: when }) => [date, (dueAt - from) / DAY, when]),
    [
      ["2026-03-03", 1, looks[0]],
      ["2026-03-06", 3, looks[1]],
      ["2026-03-07", 1, looks[3]],
    ],
  );
});

test("nothing is sent for the time before a digest was configured, and what was missed after it is", () => {
  const known = utc("2026-03-02T09:00");
  assert.deepEqual(sentAt({ at: "08:00", timezone: "UTC" }, every(HOUR, known, utc("2026-03-03T07:00")), known), []);
  const [late] = sentAt({ at: "08:00", timezone: "UTC" }, [utc("2026-03-03T15:00")], known);
  assert.deepEqual([late?.date, late?.from], ["2026-03-03", utc("2026-03-02T08:00")]);
});

test("another time of day or time zone makes no second one of a date", () => {
  const last: LastDigest = { date: "2026-03-03", dueAt: utc("2026-03-03T08:00") };
  const changed = { every: "day", weekday: undefined } as const;
  const noon = utc("2026-03-03T23:00");
  assert.equal(dueDigest({ ...changed, at: "10:00", timezone: "UTC" }, last, noon), null);
  assert.equal(dueDigest({ ...changed, at: "08:00", timezone: "America/New_York" }, last, noon), null);
  assert.equal(dueDigest({ ...changed, at: "10:00", timezone: "UTC" }, last, noon + DAY)?.date, "2026-03-04");
});

test("a weekly one comes on its weekday and covers a week, across the change of clocks too", () => {
  const wanted = { at: "08:00", timezone: "Europe/Berlin", every: "week", weekday: "wednesday" } as const;
  const sent = sentAt(wanted, every(HOUR, utc("2026-03-17T00:00"), utc("2026-04-02T00:00")), utc("2026-03-17T00:00"));
  assert.deepEqual(
    sent.map(({ date, from, dueAt }) => [date, (dueAt - from) / HOUR]),
    [
      ["2026-03-18", 168],
      ["2026-03-25", 168],
      ["2026-04-01", 167],
    ],
  );
});

test("however often and whenever somebody looks: no date twice, none after another, and each covers what the last did not", () => {
  const from = utc("2026-10-20T00:00");
  fc.assert(
    fc.property(
      fc.constantFrom("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"),
      fc.constantFrom("00:00", "00:30", "01:30", "02:00", "02:30", "23:59"),
      fc.array(fc.integer({ min: 0, max: 20 * 24 * 60 }), { minLength: 1, maxLength: 60 }),
      (timezone, at, minutes) => {
        const looks = [...minutes].sort((a, b) => a - b).map((minute) => from + minute * MINUTE);
        const sent = sentAt({ at, timezone }, looks, from);
        for (const [index, one] of sent.entries()) {
          assert.ok(one.dueAt <= one.sent && one.from < one.dueAt);
          const before = sent[index - 1];
          if (before !== undefined)
            assert.ok(before.date < one.date && one.from === Math.max(before.dueAt, one.dueAt - 14 * DAY));
        }
        // Whoever has looked at the end has all dates behind.
        const last = looks.at(-1) ?? from;
        assert.equal(
          dueDigest({ every: "day", weekday: undefined, at, timezone }, sent.at(-1) ?? { date: "", dueAt: from }, last),
          null,
        );
      },
    ),
  );
});
