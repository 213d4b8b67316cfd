import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isLoopbackPeer, isTokenOf } from "../../../src/sidecar/admin-guard.ts";
import { parseListen, parseService, parseTarget } from "../../../src/sidecar/target-address.ts";

describe("Addresses of a sidecar", () => {
  it("name a topic or a Driftline", () => {
    assert.deepEqual(parseTarget("kafkas://a:9093,b/ml.inferences"), {
      kind: "kafka",
      brokers: ["a:9093", "b:9092"],
      topic: "ml.inferences",
      tls: true,
    });
    const url = (text: string) => {
      const target = parseTarget(text);
      return target.kind === "http" ? target.url.href : "";
    };
    assert.equal(url("http://driftline:8686"), "http://driftline:8686/v1/events");
    assert.equal(url("https://broker/ns/default"), "https://broker/ns/default");
  });

  it("are refused with what was expected", () => {
    for (const text of ["kafka://a:9092", "ftp://a", "driftline:8686", "kafka://a/b/c"])
      assert.throws(() => parseTarget(text), /expected kafka:\/\//, text);
    assert.throws(() => parseTarget("http://me:secret@a"), /no user or password/);
    assert.throws(() => parseService("http://127.0.0.1:8080/v1"), /without a path/);
    assert.throws(() => parseListen("9081x", "--listen"), /expected host:port/);
    assert.deepEqual(parseListen("9081", "--listen"), { host: "127.0.0.1", port: 9081 });
    assert.deepEqual(parseListen("[::]:9081", "--listen"), { host: "::", port: 9081 });
  });

  it("of this machine are told from others, and the token from what only looks like it", () => {
    for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) assert.ok(isLoopbackPeer(address), address);
    for (const address of ["10.0.0.1", "::ffff:10.0.0.1", undefined])
      assert.ok(!isLoopbackPeer(address), String(address));
    assert.ok(isTokenOf("Bearer abc", "abc"));
    for (const header of ["Bearer abcd", "Basic abc", undefined]) assert.ok(!isTokenOf(header, "abc"), String(header));
  });
});
