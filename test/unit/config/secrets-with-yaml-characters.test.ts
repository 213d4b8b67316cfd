/** Field case secrets-with-yaml-characters: a value from the environment can neither break the file, nor change it, nor be expanded, nor leak. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeConfig, secretsOf } from "../../../src/config/redact.ts";
import { load, problems } from "./load-text.ts";

const CONFIG = `channels:
  one: { use: slack, token: "\${TOKEN}", channel: "#ml" }
  two:
    use: slack
    token: \${TOKEN}
    channel: "#ml"
models:
  - name: m
    task: binary
    kpis:
      - { name: k, sql: "countIf(match(features.s, '^a$'))" }`;

const tokens = [
  "p#a: s's\"w\\o$HOME${OTHER} & > *x %y",
  'x"\nchannels: {evil: {use: webhook, url: "http://evil.example"}}\ny: "',
  "007",
  "true",
];

for (const [index, token] of tokens.entries()) {
  test(`secrets-with-yaml-characters: token ${index + 1} arrives as the text it is, byte for byte`, () => {
    const config = load(CONFIG, { environment: { TOKEN: token, OTHER: "LEAK", HOME: "LEAK" } });
    assert.deepEqual(Object.keys(config.channels), ["one", "two"]);
    for (const channel of Object.values(config.channels)) assert.equal(channel["token"], token);
    const [kpi] = config.models[0]?.kpis ?? [];
    assert.equal(kpi !== undefined && "sql" in kpi && kpi.sql, "countIf(match(features.s, '^a$'))");
  });

  test(`secrets-with-yaml-characters: token ${index + 1} is shown neither in the effective configuration nor in an error`, () => {
    const environment = { TOKEN: token, OTHER: "LEAK" };
    const config = load(CONFIG, { environment });
    assert.deepEqual(secretsOf(config), [token]);
    const shown = describeConfig(config);
    assert.equal(shown.match(/token: "\[secret\]"/g)?.length, 2);
    // "true" is also what a setting may be.
    if (token.length > 4) assert.ok(!shown.includes(token) && !shown.includes("evil"));
    const everywhere = CONFIG.replace("task: binary", 'task: "${TOKEN}"')
      .replace("name: m", 'name: "${TOKEN}"')
      .replace('channel: "#ml" }', 'channel: "#ml", api_url: "${TOKEN}" }')
      .concat(
        '\n    pane: "${TOKEN}"\n    windows: ["${TOKEN}"]\n    alerts: { channels: ["${TOKEN}"], rules: ["${TOKEN}"] }\n    actions: ["${TOKEN}"]',
      );
    const text = problems(everywhere, { environment }).join("\n");
    assert.ok(!text.includes(token === "true" || token === "007" ? `"${token}"` : token), text);
    assert.match(text, /models\[0\]\.task/);
  });
}

for (const [title, environment] of [
  ["5: not set", {}],
  ["6: set, but empty", { TOKEN: "" }],
] as const) {
  test(`secrets-with-yaml-characters: token ${title}, is refused with file, line, path and name`, () => {
    const why = title.startsWith("5") ? "is not set" : "is set but empty, which no secret may be";
    assert.deepEqual(problems(CONFIG, { environment }), [
      `2:29  channels.one.token: the environment variable TOKEN ${why}`,
      `5:12  channels.two.token: the environment variable TOKEN ${why}`,
    ]);
  });
}

test("secrets-with-yaml-characters: a literal ${X} can be written, and other secrets keep to the same rules", () => {
  const config = load(
    CONFIG.replace("^a$", () => "^$${TOKEN}$"),
    { environment: { TOKEN: "x" } },
  );
  const [kpi] = config.models[0]?.kpis ?? [];
  assert.equal(kpi !== undefined && "sql" in kpi && kpi.sql, "countIf(match(features.s, '^${TOKEN}$'))");
  for (const [index, token] of tokens.entries()) {
    const rest = `\nserver: { token: "\${TOKEN}" }\nstore: { url: "http://ch:8123", password: "\${TOKEN}" }
sources: [{ use: kafka, brokers: ["k:9092"], topics: [t], sasl: { mechanism: plain, username: "\${TOKEN}", password: { env: TOKEN } } }]`;
    const loaded = load(CONFIG + rest, { environment: { TOKEN: token } });
    assert.equal(loaded.server.token, token, `token ${index + 1}`);
    assert.equal("url" in loaded.store && loaded.store.password, token);
    const [kafka] = loaded.sources;
    assert.deepEqual(kafka?.use === "kafka" && kafka.sasl, { mechanism: "plain", username: token, password: token });
  }
});
