import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MessageReader } from "../../../src/sidecar/http-framing.ts";

/** What a reader tells of a stream, given whole and in parts, byte by byte where it is short. */
function readAll(kind: "request" | "response", text: string, ended = false): string[] {
  const read = (parts: readonly Buffer[]) => {
    const told: string[] = [];
    let body = "";
    const reader = new MessageReader(kind, {
      head(head) {
        told.push(head.startLine);
        return "framed";
      },
      body: (part) => void (body += part.toString("latin1")),
      end() {
        told.push(`body ${JSON.stringify(body)}`);
        body = "";
      },
      lost: () => told.push("lost"),
    });
    for (const part of parts) reader.push(part);
    if (ended) reader.finish();
    return told;
  };
  const bytes = Buffer.from(text, "latin1");
  const whole = read([bytes]);
  const cut = bytes.length > 10_000 ? 1_000 : 1;
  const parts = Array.from({ length: Math.ceil(bytes.length / cut) }, (_, at) =>
    bytes.subarray(at * cut, (at + 1) * cut),
  );
  assert.deepEqual(read(parts), whole);
  return whole;
}

describe("Reading along HTTP/1", () => {
  it("finds where bodies end: by length, by chunks with extensions and trailers, without one", () => {
    assert.deepEqual(
      readAll(
        "request",
        "POST /a HTTP/1.1\r\nContent-Length:3\r\n\r\nabc" +
          "POST /b HTTP/1.1\r\ntransfer-encoding: gzip, Chunked\r\n\r\n2;x=1\r\nde\r\n1\r\nf\r\n0\r\nX-T: 1\r\n\r\n" +
          "\r\nGET /c HTTP/1.1\r\n\r\n",
      ),
      ["POST /a HTTP/1.1", 'body "abc"', "POST /b HTTP/1.1", 'body "def"', "GET /c HTTP/1.1", 'body ""'],
    );
  });

  it("takes an answer without a length up to the end of the connection", () => {
    assert.deepEqual(readAll("response", "HTTP/1.0 200 OK\r\n\r\nall of it", true), [
      "HTTP/1.0 200 OK",
      'body "all of it"',
    ]);
    assert.deepEqual(readAll("response", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", true), ["HTTP/1.1 200 OK"]);
  });

  it("says that it is lost where lengths differ or are none, or a chunk's size is none", () => {
    const post = "POST / HTTP/1.1\r\n";
    for (const fields of [
      "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "Content-Length: 0x10\r\n\r\n",
      "Transfer-Encoding: gzip\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
      "no colon\r\n\r\n",
    ])
      assert.ok(readAll("request", post + fields).includes("lost"), fields);
    assert.deepEqual(readAll("request", `${post}Content-Length: 2, 2\r\n\r\nab`), ["POST / HTTP/1.1", 'body "ab"']);
  });

  it("does not keep what is no HTTP/1: TLS, the preface of HTTP/2, an endless head", () => {
    assert.deepEqual(readAll("request", "\x16\x03\x01\x02\x00"), ["lost"]);
    assert.deepEqual(readAll("request", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ["lost"]);
    assert.deepEqual(readAll("response", "\x00\x00\x12\x04"), ["lost"]);
    assert.deepEqual(readAll("request", `GET / HTTP/1.1\r\nA: ${"a".repeat(70_000)}`), ["lost"]);
  });
});
