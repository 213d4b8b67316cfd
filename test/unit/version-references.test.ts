/** Which version of a model has which reference: of the configuration, and of retrainings that came while others ran. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { referenceSchema } from "../../src/config/references.ts";
import { added, covers, everyVersion, ofReferences, scopeText } from "../../src/evaluate/version-scope.ts";
import { reportedOf, type Success, versionReferences } from "../../src/service/version-references.ts";

const reference = (file: string) => referenceSchema.parse({ file });
const success = (version: string, at: number, file: string | null = `v${version}.csv`): Success => ({
  key: `${version} ${at}`,
  version,
  at,
  file,
});
/** Version to the file that it is compared with; the model's own under "". */
const filesOf = (
  references: Readonly<Record<string, string>>,
  successes: readonly Success[],
  firsts: Readonly<Record<string, number>>,
) => {
  const own = Object.fromEntries(Object.entries(references).map(([version, file]) => [version, reference(file)]));
  const base = reference("first.csv");
  const found = versionReferences({ reference: base, references: own }, successes, new Map(Object.entries(firsts)));
  return Object.fromEntries([
    ["", reportedOf(successes)?.file ?? base.file],
    ...found.map((one) => [one.version, one.reported?.file ?? one.reference.file]),
  ]);
};

describe("the reference of a version", () => {
  it("is its own where the configuration names one, else the model's", () => {
    assert.deepEqual(filesOf({ "8": "eight.csv" }, [], { "7": 1, "8": 5 }), { "": "first.csv", "8": "eight.csv" });
    assert.deepEqual(filesOf({}, [], { "7": 1 }), { "": "first.csv" });
  });

  it("stays what it was where a retraining brought another version", () => {
    assert.deepEqual(filesOf({}, [success("8", 10)], { "7": 1 }), { "": "v8.csv", "7": "first.csv" });
    // The new version's events came before the report did.
    assert.deepEqual(filesOf({}, [success("8", 10)], { "7": 1, "8": 9, "9": 11 }), { "": "v8.csv", "7": "first.csv" });
    const twice = [success("9", 20), success("8", 10)];
    const expected = { "": "v9.csv", "7": "first.csv", "8": "v8.csv" };
    assert.deepEqual(filesOf({}, twice, { "7": 1, "8": 11, "9": 21 }), expected);
    assert.deepEqual(filesOf({ "7": "seven.csv" }, twice, { "7": 1 }), { ...expected, "7": "seven.csv" });
  });

  it("changes for all where events or reports name no version", () => {
    assert.deepEqual(filesOf({}, [success("", 10, "new.csv")], { "7": 1 }), { "": "new.csv" });
    assert.deepEqual(filesOf({}, [success("8", 10)], { "": 1 }), { "": "v8.csv" });
    assert.deepEqual(filesOf({}, [success("8", 10, null)], { "7": 1 }), { "": "first.csv" });
  });
});

describe("the versions of a reference", () => {
  const only = { only: ["8"], except: [] };
  const rest = { only: null, except: ["8"] };
  it("are those that it names, or all but those that others name", () => {
    assert.deepEqual(
      ["7", "8", "__proto__"].map((version) => covers(only, version)),
      [false, true, false],
    );
    assert.deepEqual(
      ["7", "8", "__proto__"].map((version) => covers(rest, version)),
      [true, false, true],
    );
    assert.deepEqual(
      [scopeText(only), scopeText(rest), scopeText(everyVersion)],
      ["version 8", "all other versions", ""],
    );
    assert.match(
      ofReferences([
        { referenceId: "r1", ...rest },
        { referenceId: "r2", only: ["a'b"], except: [] },
      ]).text,
      /'a\\'b'/,
    );
  });

  it("that are new are found, so that what is stored of them is taken in", () => {
    assert.deepEqual(added(everyVersion, rest), ["8"]);
    assert.deepEqual(added(rest, everyVersion), []);
    assert.deepEqual(added({ only: ["8", "9"], except: [] }, only), ["9"]);
    assert.equal(added(rest, only), null);
  });
});
