/**
 * The `rule` of a golden case: how labels and predictions come from its series, row by row, such as "y = v < p ? 1 : 0; yhat = p >= 0.5 ? 1 : 0".
 * Assignments, each perhaps under a condition ("if group = 2 and v < 0.3: yhat = 0"), comparisons joined by "and", ?:, + - * /, parentheses,
 * floor, and places of a list ("[.5,.4][group]"); read here and never run as code, since the file may be anybody's.
 */

type Row = Readonly<Record<string, number>>;
type Expression = (row: Row) => number;

/** The given columns and those that the rule assigns, all of one length. Throws where the rule cannot be read. */
export function applyRule(
  rule: string,
  columns: Readonly<Record<string, readonly number[]>>,
): Readonly<Record<string, number[]>> {
  const steps = rule.split(";").map((part) => {
    const assignment = /^\s*(?:if\s+([^:]*):)?\s*(\w+)\s*=(?!=)(.*)$/s.exec(part);
    if (assignment === null) throw new Error(`"${part.trim()}" is no assignment`);
    const [, condition, name = "", expression = ""] = assignment;
    return {
      name,
      condition: condition === undefined ? () => 1 : parse(condition),
      expression: parse(expression),
    };
  });
  const rows = Math.max(...Object.values(columns).map((column) => column.length));
  const result: Record<string, number[]> = Object.fromEntries(
    [...Object.keys(columns), ...steps.map(({ name }) => name)].map((name) => [name, []]),
  );
  for (let index = 0; index < rows; index++) {
    const row: Record<string, number> = {};
    for (const [name, column] of Object.entries(columns)) row[name] = column[index] ?? Number.NaN;
    for (const { name, condition, expression } of steps) {
      row[name] = condition(row) !== 0 ? expression(row) : (row[name] ?? Number.NaN);
    }
    for (const [name, value] of Object.entries(row)) result[name]?.push(value);
  }
  return result;
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "==": (a, b) => a === b,
};

function parse(text: string): Expression {
  const tokens = text.match(/(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?|\w+|[<>=]=|\S/g) ?? [];
  let place = 0;
  const take = (wanted: string) => {
    if (tokens[place] !== wanted) return false;
    place++;
    return true;
  };
  const expect = (wanted: string) => {
    if (!take(wanted))
      throw new Error(`"${text.trim()}" has "${tokens[place] ?? "an end"}" where "${wanted}" should be`);
  };

  function choice(): Expression {
    const condition = conjunction();
    if (!take("?")) return condition;
    const yes = choice();
    expect(":");
    const no = choice();
    return (row) => (condition(row) !== 0 ? yes(row) : no(row));
  }
  function conjunction(): Expression {
    const left = comparison();
    if (!take("and")) return left;
    const right = conjunction();
    return (row) => Number(left(row) !== 0 && right(row) !== 0);
  }
  function comparison(): Expression {
    const left = sum();
    const compare = comparisons[tokens[place] ?? ""];
    if (compare === undefined) return left;
    place++;
    const right = sum();
    return (row) => Number(compare(left(row), right(row)));
  }
  function sum(): Expression {
    let value = product();
    for (;;) {
      const left = value;
      if (take("+")) value = added(left, product());
      else if (take("-")) value = added(left, product(), -1);
      else return value;
    }
  }
  function product(): Expression {
    let value = factor();
    for (;;) {
      const left = value;
      const isProduct = take("*");
      if (!isProduct && !take("/")) return value;
      const right = factor();
      value = isProduct ? (row) => left(row) * right(row) : (row) => left(row) / right(row);
    }
  }
  function factor(): Expression {
    if (take("-")) {
      const value = factor();
      return (row) => -value(row);
    }
    if (take("(")) {
      const value = choice();
      expect(")");
      return value;
    }
    if (take("[")) return listed();
    const token = tokens[place++] ?? "";
    if (/^\.?\d/.test(token)) return () => Number(token);
    if (token === "floor" && take("(")) {
      const value = choice();
      expect(")");
      return (row) => Math.floor(value(row));
    }
    if (!/^\w+$/.test(token)) throw new Error(`"${text.trim()}" cannot be read at "${token}"`);
    return (row) => row[token] ?? unknown(token);
  }

  /** A list, after its opening bracket, and the place that is taken from it. */
  function listed(): Expression {
    const items = [choice()];
    while (take(",")) items.push(choice());
    expect("]");
    expect("[");
    const at = choice();
    expect("]");
    return (row) => items[at(row)]?.(row) ?? Number.NaN;
  }

  const whole = choice();
  if (place < tokens.length) throw new Error(`"${text.trim()}" cannot be read from "${tokens[place]}" on`);
  return whole;
}

function added(left: Expression, right: Expression, sign = 1): Expression {
  return (row) => left(row) + sign * right(row);
}

function unknown(name: string): never {
  throw new Error(`the rule names "${name}", which is no input`);
}
