/** Measures of predicted classes from the table of true and predicted class, for two classes or many. */

/** Rows by true class (first index) and predicted class (second): square, counts of at least 0. */
export type ConfusionMatrix = readonly (readonly number[])[];

export interface ConfusionMetrics {
  readonly accuracy: number;
  /** Per class: of the rows predicted as it, the share that are; 0 where none is predicted as it. */
  readonly precision: readonly number[];
  /** Per class: of its rows, the share predicted as it; 0 where it has none. */
  readonly recall: readonly number[];
  /** Per class: the harmonic mean of the two; 0 where it has no rows and is never predicted. */
  readonly f1: readonly number[];
  /** Rows of each class. */
  readonly support: readonly number[];
  /** Mean recall of the classes that have rows. */
  readonly balancedAccuracy: number;
  /** Matthews' correlation, -1..1; 0 where one class has all rows or all predictions (Gorodkin 2004, Comput. Biol. Chem. 28, 367-374). */
  readonly matthews: number;
  /** Agreement beyond chance (Cohen 1960, Educ. Psychol. Meas. 20, 37-46); NaN where chance agreement is certain. */
  readonly kappa: number;
}

/** All of them; NaN for those that need rows where there are none. */
export function confusionMetrics(matrix: ConfusionMatrix): ConfusionMetrics {
  const classes = matrix.length;
  const support = matrix.map((row) => row.reduce((sum, count) => sum + count, 0));
  const predicted = Array.from({ length: classes }, (_, j) => matrix.reduce((sum, row) => sum + (row[j] ?? 0), 0));
  const right = matrix.map((row, i) => row[i] ?? 0);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const rows = sum(support);
  const hits = sum(right);
  const share = (of: number, all: number) => (all > 0 ? of / all : 0);
  const recall = right.map((count, i) => share(count, support[i] ?? 0));
  const withRows = recall.filter((_, i) => (support[i] ?? 0) > 0);
  const chance = sum(support.map((count, i) => count * (predicted[i] ?? 0)));
  const spread = Math.sqrt(
    (rows * rows - sum(predicted.map((count) => count * count))) *
      (rows * rows - sum(support.map((count) => count * count))),
  );
  return {
    accuracy: hits / rows,
    precision: right.map((count, i) => share(count, predicted[i] ?? 0)),
    recall,
    f1: right.map((count, i) => share(2 * count, (support[i] ?? 0) + (predicted[i] ?? 0))),
    support,
    balancedAccuracy: sum(withRows) / withRows.length,
    matthews: share(hits * rows - chance, spread),
    kappa: (hits * rows - chance) / (rows * rows - chance),
  };
}

/** Mean of a measure over the classes that occur, as truth or as prediction, each counting alike. */
export function macroAverage(of: readonly number[], matrix: ConfusionMatrix): number {
  const occurring = of.filter((_, i) => matrix.some((row, j) => (row[i] ?? 0) > 0 || (matrix[i]?.[j] ?? 0) > 0));
  return occurring.reduce((sum, value) => sum + value, 0) / occurring.length;
}

/** Mean of a measure over the classes, each counting by its rows. */
export function weightedAverage(of: readonly number[], support: readonly number[]): number {
  let sum = 0;
  let rows = 0;
  for (const [index, weight] of support.entries()) {
    sum += weight * (of[index] ?? 0);
    rows += weight;
  }
  return sum / rows;
}

/** The matrix of rows given as class indices from 0 to classes - 1; others are refused by a RangeError. */
export function confusionMatrix(actual: readonly number[], predicted: readonly number[], classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  for (const [index, truth] of actual.entries()) {
    const row = matrix[truth];
    const guess = predicted[index] ?? -1;
    if (row?.[guess] === undefined) throw new RangeError(`Row ${index} has no class from 0 to ${classes - 1}.`);
    row[guess] += 1;
  }
  return matrix;
}
