import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseWithNumbersAsText, splitArray } from "../../../src/core/exact-json.ts";

test("numbers keep their spelling, text that looks like them stays what it is", () => {
  assert.deepEqual(
    parseWithNumbersAsText('{"id":9007199254740993,"v":1.10,"e":-1E+3,"s":"5, \\" 6","a":[1.0,true,null]}'),
    {
      id: "9007199254740993",
      v: "1.10",
      e: "-1E+3",
      s: '5, " 6',
      a: ["1.0", true, null],
    },
  );
});

test("any JSON read with numbers as text has the numbers that JSON.parse reads", () => {
  const numbersAgain = (exact: unknown, usual: unknown): unknown => {
    if (typeof usual === "number") return Number(exact);
    if (Array.isArray(usual)) return usual.map((value, index) => numbersAgain((exact as unknown[])[index], value));
    if (typeof usual === "object" && usual !== null)
      return Object.fromEntries(
        Object.entries(usual).map(([key, value]) => [
          key,
          numbersAgain((exact as Record<string, unknown>)[key], value),
        ]),
      );
    return exact;
  };
  fc.assert(
    fc.property(fc.json(), (text) => {
      const usual: unknown = JSON.parse(text);
      assert.deepEqual(numbersAgain(parseWithNumbersAsText(text), usual), usual);
    }),
    { seed: 3 },
  );
});

test("an array is cut into its elements, byte for byte", () => {
  const cut = (text: string) => splitArray(Buffer.from(text))?.map(String) ?? null;
  assert.deepEqual(cut(' [ {"a":[1,2]} , "x,]" , 9007199254740993,{"b":"\\"}"} ] '), [
    '{"a":[1,2]}',
    '"x,]"',
    "9007199254740993",
    '{"b":"\\"}"}',
  ]);
  assert.deepEqual(cut("[]"), []);
  assert.deepEqual(cut("[1,]"), ["1", ""]);
  assert.equal(cut('[{"a":1}'), null);
  assert.equal(cut('[{"a":1]}]'), null);
  assert.equal(cut("{}"), null);
  assert.equal(cut('["open]'), null);
});

test("cutting any array of JSON gives its elements back", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (values) => {
      assert.deepEqual(
        splitArray(Buffer.from(JSON.stringify(values)))?.map((item) => JSON.parse(item.toString())),
        JSON.parse(JSON.stringify(values)),
      );
    }),
    { seed: 4 },
  );
});
