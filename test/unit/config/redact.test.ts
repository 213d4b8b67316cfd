import assert from "node:assert/strict";
import { test } from "node:test";
import { describeConfig, redacted, secretsOf } from "../../../src/config/redact.ts";
import { load, MINIMAL } from "./load-text.ts";

const config = load(
  `${MINIMAL}store: { url: "http://user:s3cret-1@ch:8123/x", password: s3cret-2 }
server: { token: s3cret-3, public_url: "https://me:s3cret-4@drift.example" }
channels:
  hook: { use: webhook, url: "https://hooks.example/s3cret-5", headers: { authorization: s3cret-6 } }
  mail: { use: email, host: smtp, from: a@b.example, to: [c@d.example], user: u, password: s3cret-7 }
sources: [{ use: kafka, brokers: ["k:9092"], topics: [t], sasl: { mechanism: plain, username: u, password: s3cret-8 } }]
`.replace("task: binary }", 'task: binary, actions: [{ use: webhook, url: "https://retrain.example/s3cret-9" }] }'),
);

test("what is shown holds no secret, in a field or within an address", () => {
  for (const shown of [describeConfig(config), JSON.stringify(redacted(config))]) {
    assert.doesNotMatch(shown, /s3cret/);
    assert.match(shown, /http:\/\/\[secret\]@ch:8123\/x/);
    assert.match(shown, /drift\.example/);
    assert.match(shown, /smtp/);
  }
});

test("the secrets are listed for whoever writes a log", () => {
  const text = secretsOf(config).join("\n");
  for (let number = 1; number <= 9; number += 1) assert.match(text, new RegExp(`s3cret-${number}`));
});

test("the configuration itself is left as it was", () => {
  assert.equal(config.server.token, "s3cret-3");
});
