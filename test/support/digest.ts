/** A digest as the service makes it, for tests of channels. */
import type { Digest, DigestMessage, DigestModel, Listed } from "../../src/core/digest.ts";
import {
  breachSentence,
  incidentSentence,
  kpiSentence,
  noticeSentence,
  periodText,
  summaryOf,
  titleOf,
} from "../../src/digest/sentences.ts";

const BASE = "https://driftline.example";
const FROM = Date.UTC(2017, 11, 7, 7);
const TO = Date.UTC(2017, 11, 8, 7);

const all = <Item>(items: readonly Item[], count = items.length): Listed<Item> => ({ items, count });

const incident = (title: string, more: Partial<DigestModel["incidents"]["items"][number]> = {}) => {
  const line = {
    incident_id: "0d2c5d5e-6b5f-8a1c-9f00-000000000001",
    severity: "page" as const,
    state: "firing" as const,
    opened: true,
    resolved: false,
    title,
    link: `${BASE}/incidents/1`,
    ...more,
  };
  return { ...line, sentence: incidentSentence(line) };
};

const kpi = (metric: string, value: number, before: number | null, limit: number | null) => {
  const line = {
    version: "1",
    variant: "",
    window: "1d",
    metric,
    window_end: TO - 7 * 3_600_000,
    value,
    lower: value - 0.021,
    upper: value + 0.019,
    limit,
    breached: limit !== null && value < limit,
    before,
    link: `${BASE}/models/census?window=1d`,
  };
  return { ...line, sentence: kpiSentence(line) };
};

const breach = (subject: string, value: number, segment = "", also: readonly string[] = []) => {
  const line = {
    version: "1",
    variant: "",
    window: "1d",
    segment,
    subject_kind: "feature" as const,
    subject,
    metric: "total-variation",
    value,
    threshold: 0.05,
    breaches: 1,
    windows: 1,
    also,
    link: `${BASE}/models/census/features/${encodeURIComponent(subject)}?window=1d`,
  };
  return { ...line, sentence: breachSentence(line) };
};

const notice = (subject: string, finding: string) => {
  const line = {
    version: "1",
    variant: "",
    segment: "",
    subject_kind: "feature" as const,
    subject,
    finding,
    since: FROM + 4 * 3_600_000,
    link: `${BASE}/models/census/features/${encodeURIComponent(subject)}`,
  };
  return { ...line, sentence: noticeSentence(line) };
};

const model = (name: string, more: Partial<DigestModel>): DigestModel => ({
  model: name,
  link: `${BASE}/models/${encodeURIComponent(name)}`,
  predictions: 1336,
  predictions_before: 1402,
  incidents: all([]),
  kpis: all([]),
  breaches: all([]),
  notices: all([]),
  notes: [],
  ...more,
});

export function digestOf(models: readonly DigestModel[], more: Partial<Digest> = {}): DigestMessage {
  const about = {
    name: "daily",
    every: "day" as const,
    date: "2017-12-08",
    timezone: "Europe/Berlin",
    from: FROM,
    to: TO,
  };
  const digest: Digest = {
    ...about,
    summary: summaryOf(models, models.length + 2, 2, 12),
    models: all(models),
    quiet: all(["churn", "eta"]),
    dead_letters: all([
      { reason: "bad_json", count: 10 },
      { reason: "no_model", count: 2 },
    ]),
    audit_heads: [{ writer: "host-4242-9f31c2aa", sequence: 412, hash: "5b0c93e1".repeat(8) }],
    links: [{ label: "Open Driftline", url: BASE }],
    ...more,
  };
  return {
    idempotencyKey: "7f000000-0000-8000-8000-000000000003",
    digest,
    title: titleOf(digest),
    period: periodText(digest),
    link: BASE,
  };
}

export const exampleDigest = (): DigestMessage =>
  digestOf([
    model("census", {
      incidents: all([
        incident("census, window 7d: estimated_f1 (version 1) 0.766 is below 0.8 and 10 more"),
        incident("census: RELP has changed", {
          incident_id: "0d2c5d5e-6b5f-8a1c-9f00-000000000002",
          severity: "ticket",
          state: "resolved",
          resolved: true,
          opened: false,
        }),
      ]),
      kpis: all([
        kpi("estimated_f1", 0.766, 0.833, 0.8),
        kpi("estimated_accuracy", 0.842, 0.84, null),
        kpi("roc_auc", 0.901, null, 0.85),
      ]),
      breaches: all(
        [
          breach("RELP", 0.348, "", ["jensen-shannon", "psi"]),
          breach("AGEP", 0.186),
          breach("SCHL", 0.172, "state=CA"),
        ],
        40,
      ),
      notices: all([notice("DREM", "the share of 2 rose from 3.1 % to 4.4 %")]),
    }),
    model("fraud", {
      predictions: 0,
      predictions_before: 90_120,
      notes: ["No events in this time, after 90,120 in the one before."],
    }),
  ]);

/** 300 models with hostile names, each with more than any medium holds. */
export function endlessDigest(): DigestMessage {
  const hostile = '<!channel> <script>alert(1)</script> & "q" *x* \r\nBcc: eve@example.com\r\n';
  const models = Array.from({ length: 300 }, (_, index) =>
    model(`${hostile}${index}`, {
      breaches: all(
        Array.from({ length: 20 }, (__, at) => breach(`${hostile}${at} `.repeat(4), 1 + at)),
        400,
      ),
      notices: all(Array.from({ length: 20 }, (__, at) => notice(`${hostile}${at}`, "more"))),
      notes: [`${hostile} says something.`],
    }),
  );
  return digestOf(models.slice(0, 100), {
    models: all(models.slice(0, 100), 300),
    quiet: all(
      Array.from({ length: 500 }, (_, index) => `${hostile}${index}`),
      5000,
    ),
  });
}
