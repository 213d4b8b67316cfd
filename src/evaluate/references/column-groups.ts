/** Which columns of a reference one statement reads: a statement costs the engine as much as many rows, and a model may have a thousand columns. */
import type { ReferenceColumn } from "./reference-table.ts";

/** Characters of the columns' part of a statement, about: the engine reads statements up to 262,144. */
const CHARACTERS_AT_ONCE = 100_000;

export interface GroupLimits<Item> {
  /** Columns of one statement. */
  readonly most: number;
  /** Characters that an item adds to the statement; left out: next to none. */
  readonly characters?: (item: Item) => number;
}

/** Neighbours that are read from one place, in their order. */
export function columnGroups<Item extends { readonly column: ReferenceColumn }>(
  items: readonly Item[],
  { most, characters = () => 0 }: GroupLimits<Item>,
): readonly (readonly [Item, ...Item[]])[] {
  const groups: [Item, ...Item[]][] = [];
  let written = 0;
  for (const item of items) {
    const length = characters(item);
    const last = groups.at(-1);
    if (
      last !== undefined &&
      last.length < most &&
      written + length <= CHARACTERS_AT_ONCE &&
      last[0].column.from.text === item.column.from.text
    ) {
      last.push(item);
      written += length;
    } else {
      groups.push([item]);
      written = length;
    }
  }
  return groups;
}
