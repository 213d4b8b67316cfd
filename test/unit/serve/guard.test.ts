import assert from "node:assert/strict";
import { test } from "node:test";
import { checkBind, isAuthorized, isHostAllowed, isLoopback, isOriginAllowed } from "../../../src/serve/guard.ts";

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;

test("loopback is 127.0.0.0/8, ::1 and localhost, and no name that only looks like one", () => {
  for (const host of ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST"])
    assert.equal(isLoopback(host), true, host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.example", "127.evil", "localhost.evil.example", ""])
    assert.equal(isLoopback(host), false, host);
});

test("an address that others can reach is refused without a token, by a message that names the remedy", () => {
  assert.throws(() => checkBind("0.0.0.0", undefined), /server\.host 0\.0\.0\.0.*server\.token must be set/);
  assert.doesNotThrow(() => checkBind("0.0.0.0", "t0ken"));
  assert.doesNotThrow(() => checkBind("127.0.0.1", undefined));
});

test("the token is taken as Bearer and as the password of Basic, and nothing near it is", () => {
  assert.equal(isAuthorized("Bearer s3cret", "s3cret"), true);
  assert.equal(isAuthorized("bearer s3cret", "s3cret"), true);
  assert.equal(isAuthorized(basic("anyone:s3cret"), "s3cret"), true);
  assert.equal(isAuthorized(basic("anyone:with:colon"), "with:colon"), true);
  for (const header of [
    null,
    "",
    "Bearer",
    "Bearer ",
    "Bearer s3cre",
    "Bearer s3cret2",
    "s3cret",
    basic("s3cret:"),
    basic("s3cret"),
    "Basic !!!",
  ])
    assert.equal(isAuthorized(header, header === basic("s3cret") ? "other" : "s3cret"), false, String(header));
});

test("bound to loopback, only loopback names and the public address are answered: no DNS rebinding", () => {
  for (const host of ["127.0.0.1:8686", "localhost:1", "[::1]:8686", "LOCALHOST"])
    assert.equal(isHostAllowed(host, "127.0.0.1", undefined), true, host);
  for (const host of [null, "", "evil.example", "127.0.0.1.evil.example:8686", "a b", "localhost:x"])
    assert.equal(isHostAllowed(host, "127.0.0.1", undefined), false, String(host));
  assert.equal(isHostAllowed("drift.example.org", "127.0.0.1", "https://drift.example.org/"), true);
  assert.equal(isHostAllowed("anything", "0.0.0.0", undefined), true);
});

test("a request that changes something comes from no other site", () => {
  assert.equal(isOriginAllowed(null, "localhost:8686", undefined), true);
  assert.equal(isOriginAllowed("http://localhost:8686", "localhost:8686", undefined), true);
  assert.equal(isOriginAllowed("http://evil.example", "localhost:8686", undefined), false);
  assert.equal(isOriginAllowed("null", "localhost:8686", undefined), false);
  assert.equal(isOriginAllowed("https://drift.example.org", "10.0.0.1:8686", "https://drift.example.org"), true);
});
