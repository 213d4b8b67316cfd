/** docs/reference/configuration.md: every key with its type, default and meaning, read from the JSON Schema and so never out of date. */
import { z } from "zod";
import { configJsonSchema, DURATION_PATTERN, WINDOW_PATTERN } from "./json-schema.ts";

const INTRODUCTION = `<!-- Generated from the configuration's schema by scripts/generate-schema.mjs: do not edit. -->
# Configuration

One YAML file. \`driftline check\` explains what is wrong with it; a running service that is told to read it again
(SIGHUP) keeps its old configuration where the new one has an error. For completion in an editor put this on the first line:

\`\`\`text
# yaml-language-server: $schema=node_modules/driftline/schema/driftline.schema.json
\`\`\`

Unknown keys are refused. Many models are best kept in several files ([a fleet](../fleet.md)). Names of files are relative to the folder of
the file in which they stand. Durations are written \`500ms\`, \`30s\`, \`5m\`,
\`1h\`, \`7d\` or \`2w\`. YAML's anchors and aliases work; merge keys (\`<<\`), tags (\`!name\`) and a key called \`__proto__\` are refused.

## Variables

| written | is |
| --- | --- |
| \`\${NAME}\` | the value of the environment variable; an error where it is not set |
| \`\${NAME:-text}\` | the same, but \`text\` where the variable is not set or empty |
| \`$\${NAME}\` | the literal text \`\${NAME}\` |
| \`$\` before anything but \`{\` | itself |

Variables are put into the *values* of texts (never into keys), after the file was parsed and once only: a value may hold quotes, \`#\`, line
ends or \`$\` and stays what it is, byte for byte. It stays text too: \`007\` keeps its zeros and \`true\` is a word. Only where a key asks for
a number or for true or false, and the whole text spells one, is it taken as that (\`port: \${PORT}\`). Within \`{ }\` and \`[ ]\` YAML wants
quotes around it: \`{ token: "\${TOKEN}" }\`. A variable that is set but empty is an empty text, which keys that need a text refuse, and
secrets always.

## Secrets

Keys of the type *secret* take the text itself, best as \`\${NAME}\`, or \`{ env: NAME }\`, or \`{ file: /run/secrets/name }\` (one line end at the end
of the file is dropped). Their values are shown in no log, page, error or \`driftline check\`.

## Expressions of custom KPIs

\`sql\` is one ClickHouse expression over the window's joined rows. Refused are semicolons, comments, a comma outside brackets, words of
statements (\`select\`, \`settings\`, \`union\`, …), \`IN\` with the name of a table, and functions that reach outside the rows (\`file\`, \`url\`,
\`s3\`, \`remote\`, \`mysql\`, \`dictGet\`, \`sleep\`, …). A \`$\` in it is left alone (\`match(features.s, '^a$')\`).
`;

const schemaNode = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  title: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  enum: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  $ref: z.string().optional(),
  id: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  writeOnly: z.boolean().optional(),
});
type SchemaNode = z.output<typeof schemaNode>;

interface Section {
  readonly heading: string;
  readonly text: string;
  readonly rows: string[];
}

/** The text of the page. */
export function configReferencePage(): string {
  const page = new Page(configJsonSchema());
  return `${INTRODUCTION}\n${page.text()}`;
}

class Page {
  readonly #root: SchemaNode;
  readonly #definitions: Readonly<Record<string, unknown>>;
  readonly #sections: Section[] = [];
  /** Where the keys of a definition were listed first. */
  readonly #described = new Map<string, string>();

  constructor(schema: Record<string, unknown>) {
    this.#root = schemaNode.parse(schema);
    this.#definitions = z.record(z.string(), z.unknown()).parse(schema["$defs"] ?? {});
  }

  text(): string {
    for (const [key, value] of Object.entries(this.#root.properties ?? {})) {
      const node = this.#node(value);
      // The keys of a model are listed once.
      if (key === "defaults") Reflect.deleteProperty(node, "properties");
      const section: Section = { heading: `## \`${key}\``, text: "", rows: [] };
      this.#sections.push(section);
      this.#describe(key, node, section, this.#root.required?.includes(key) === true);
    }
    return this.#sections
      .filter((section) => section.rows.length > 0 || section.text !== "")
      .map(({ heading, text, rows }) => {
        const table =
          rows.length === 0
            ? ""
            : `\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
        return `${heading}\n${text === "" ? "" : `\n${text}\n`}${table}`;
      })
      .join("\n");
  }

  #node(value: unknown): SchemaNode {
    const node = schemaNode.parse(value);
    const name = node.$ref?.split("/").at(-1);
    // A name that zod made up: any JSON value, defined by itself.
    if (name?.startsWith("__schema") === true) return schemaNode.parse({ ...node, $ref: undefined });
    if (name === undefined || !Object.hasOwn(this.#definitions, name)) return node;
    return {
      ...schemaNode.parse(this.#definitions[name]),
      id: name,
      ...(node.description === undefined ? {} : { description: node.description }),
    };
  }

  /** A row for the key itself, then those of what lies below it. */
  #describe(path: string, node: SchemaNode, section: Section, required: boolean): void {
    const fallback = required ? "**required**" : Object.hasOwn(node, "default") ? defaultText(node["default"]) : "";
    const first = node.id === undefined ? undefined : this.#described.get(node.id);
    const elsewhere = first === undefined ? "" : ` Keys as of \`${first}\`.`;
    const row = `| \`${path}\` | ${cell(this.#type(node))} | ${fallback} | ${cell(node.description ?? node.title ?? "")}${elsewhere} |`;
    // Options of a union share keys.
    if (!section.rows.includes(row)) section.rows.push(row);
    if (first !== undefined) return;
    if (node.id !== undefined) this.#described.set(node.id, path);
    this.#below(path, node, section);
  }

  #below(path: string, node: SchemaNode, section: Section): void {
    if (node.writeOnly === true || isFixedValue(node)) return;
    const choices = node.oneOf ?? node.anyOf;
    if (choices !== undefined) {
      for (const choice of choices) this.#choice(path, this.#node(choice), section);
    } else if (node.type === "array") {
      this.#below(`${path}[]`, this.#node(node.items ?? {}), section);
    } else {
      this.#properties(path, node, section);
      if (typeof node.additionalProperties !== "object") return;
      const values = this.#node(node.additionalProperties);
      if (values.properties === undefined && values.oneOf === undefined)
        this.#describe(`${path}.<name>`, values, section, false);
      else this.#below(`${path}.<name>`, values, section);
    }
  }

  /** Plug-ins and kinds of sources get a table of their own, under the name that \`use\` picks. */
  #choice(path: string, node: SchemaNode, section: Section): void {
    const use = node.properties === undefined ? undefined : this.#node(node.properties["use"] ?? {})["const"];
    if (typeof use !== "string") return this.#below(path, node, section);
    const title = node.title === undefined ? "" : `**${node.title}.** `;
    const own: Section = {
      heading: `### \`${path}\` with \`use: ${use}\``,
      text: `${title}${node.description ?? ""}`,
      rows: [],
    };
    this.#sections.push(own);
    this.#properties(path, node, own);
  }

  #properties(path: string, node: SchemaNode, section: Section): void {
    for (const [key, value] of Object.entries(node.properties ?? {})) {
      this.#describe(`${path}.${key}`, this.#node(value), section, node.required?.includes(key) === true);
    }
  }

  #type(node: SchemaNode): string {
    if (node.writeOnly === true) return "secret";
    if (node.pattern === DURATION_PATTERN) return "duration";
    if (node.pattern === WINDOW_PATTERN) return "duration or `N events`";
    if (node.enum !== undefined) return node.enum.map((choice) => `\`${String(choice)}\``).join(", ");
    if (Object.hasOwn(node, "const")) return `\`${String(node["const"])}\``;
    const choices = node.oneOf ?? node.anyOf;
    if (choices !== undefined) {
      const types = [...new Set(choices.map((choice) => this.#type(this.#node(choice))))];
      return types.length > 4 ? "group of keys" : types.join(" or ");
    }
    if (node.type === "array") return `list of ${this.#type(this.#node(node.items ?? {}))}`;
    if (isFixedValue(node)) return "`{ value: text }`";
    if (node.type === "object") return typeof node.additionalProperties === "object" ? "map by name" : "group of keys";
    if (Array.isArray(node.type)) return node.type.map((type) => this.#type(schemaNode.parse({ type }))).join(" or ");
    if (node.type === "string") return "text";
    if (node.type === "boolean") return "true or false";
    if (node.type === "number" || node.type === "integer") return numberType(node);
    return "any";
  }
}

/** `{ value: text }`, which stands for the text itself. */
const isFixedValue = ({ properties }: SchemaNode) =>
  properties !== undefined && Object.keys(properties).join() === "value";

function numberType({ type, minimum, maximum, exclusiveMinimum }: SchemaNode): string {
  const word = type === "integer" ? "whole number" : "number";
  const low = minimum !== undefined && minimum > -Number.MAX_SAFE_INTEGER ? minimum : undefined;
  const high = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  if (exclusiveMinimum !== undefined)
    return `${word} above ${exclusiveMinimum}${high === undefined ? "" : `, at most ${high}`}`;
  if (low !== undefined && high !== undefined) return `${word}, ${low} to ${high}`;
  if (low !== undefined) return `${word}, at least ${low}`;
  return high === undefined ? word : `${word}, at most ${high}`;
}

function defaultText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : `\`${JSON.stringify(value)}\``;
  if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return "";
  return `\`${typeof value === "string" && value !== "" ? value : JSON.stringify(value)}\``;
}

const cell = (text: string) =>
  text
    .replace(/\s*\n\s*/g, " ")
    .replaceAll("|", "\\|")
    .replaceAll("<", "&lt;");
